package provider

// Selective is a provider whose abilities are known only once it is configured: a
// program of the user's does some of what its type has methods for.
type Selective interface {
	// As puts the provider into *ability, a pointer to one of this package's
	// interfaces, if it has that ability. The answer is a fixed fact.
	As(ability any) bool
}

// As gives p as the optional interface T, if it has that ability. It is asked instead
// of p.(T), which would believe a Selective provider too much.
func As[T any](p Provider) (T, bool) {
	if s, ok := p.(Selective); ok {
		var able T
		ok = s.As(&able)
		return able, ok
	}
	able, ok := p.(T)
	return able, ok
}
