package exec_test

func program(dir string) int { return 0 }
