package agent

import (
	"slices"

	"github.com/roost-iot/roost"
)

// mostOffered is how many versions a thing may tell of.
const mostOffered = 16

// offered adds o to what a thing was offered. That it returned from it there once is not forgotten.
func offered(all []roost.OfferMade, o roost.OfferMade) []roost.OfferMade {
	before := o
	before.Returned = true
	o.Returned = o.Returned || slices.Contains(all, before)
	same := func(x roost.OfferMade) bool { return x.Kind == o.Kind && x.Version == o.Version }
	all = append(slices.DeleteFunc(slices.Clone(all), same), o)
	return all[max(len(all)-mostOffered, 0):]
}

// wasOffered tells whether a thing was offered a version, and where it was then.
func wasOffered(a roost.Agent, kind, version string) (roost.OfferMade, bool) {
	for _, o := range a.Offers {
		if o.Kind == kind && o.Version == version {
			return o, true
		}
	}
	if o := a.Offer; o != nil && o.N > 0 && o.Kind == kind && o.Version == version {
		return roost.OfferMade{Kind: kind, Version: version}, true // made by a Roost that did not note where
	}
	return roost.OfferMade{}, false
}
