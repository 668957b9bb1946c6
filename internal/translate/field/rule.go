package field

// Fate is what a translation does with a field.
type Fate uint8

const (
	// Kept means the same in both APIs and goes through as it is.
	Kept Fate = iota + 1
	// Mapped is said in another way, or dealt with by the service itself.
	Mapped
	// Dropped is lost and reported.
	Dropped
	// Refused fails the request.
	Refused
)

// Rule is what happens to one field. A value that asks for nothing, such as
// null, false, zero, an empty text or list, is neither reported nor refused.
type Rule struct {
	// Name is the field's path; [] stands for each element of a list.
	Name string
	Fate Fate
	// Becomes is where it goes to in the other API; "" if nowhere.
	Becomes string
	// Why adds what the caller should know, as a clause.
	Why string
}
