package fields

import (
	"net/url"
	"strconv"

	"github.com/fairleadhq/fairlead"
)

// maxCursor is the longest id that a cursor may be, in bytes.
const maxCursor = 128

// Cursor is which page of a list is asked for.
type Cursor struct {
	fairlead.After

	// Back says that the page is that before the id: it is read backwards, and turned
	// round again.
	Back bool
}

// Page reads a list's query: limit, order (desc, the newest first, if it does not say),
// and after or before, the id of an item. of.Least is not looked at.
func Page(query url.Values, of Bounds) (Cursor, error) {
	c := Cursor{After: fairlead.After{ID: query.Get("after"), Limit: of.Default, Newest: true}}
	if limit := query.Get("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > of.Most {
			return Cursor{}, Invalid("limit", "limit must be a number from 1 to "+strconv.Itoa(of.Most))
		}
		c.Limit = n
	}
	switch query.Get("order") {
	case "", "desc":
	case "asc":
		c.Newest = false
	default:
		return Cursor{}, Invalid("order", "order must be asc or desc")
	}
	if before := query.Get("before"); before != "" {
		if c.ID != "" {
			return Cursor{}, Invalid("before", "before and after can't both be given")
		}
		c.ID, c.Back, c.Newest = before, true, !c.Newest
	}
	if len(c.ID) > maxCursor {
		return Cursor{}, c.Unknown()
	}
	return c, nil
}

// Ask is what to ask the store for: one item more than the page has, to see whether
// there are more.
func (c Cursor) Ask() fairlead.After {
	after := c.After
	after.Limit++
	return after
}

// Unknown is the error of a cursor that names no item of the list.
func (c Cursor) Unknown() error {
	name := "after"
	if c.Back {
		name = "before"
	}
	return Invalid(name, "There is no item with the id that "+name+" names")
}

// Invalid is the error of a parameter that has a value it can't have.
func Invalid(param, message string) error {
	return &fairlead.Error{Kind: fairlead.Invalid, Code: codeInvalidValue, Param: param, Message: message}
}

// Cut is the page of what the store returned, in the order that was asked for, and
// whether there are more items behind it.
func Cut[T any](c Cursor, items []T) (page []T, more bool) {
	more = len(items) > c.Limit
	page = append(page, items[:min(len(items), c.Limit)]...)
	if c.Back {
		for i, j := 0, len(page)-1; i < j; i, j = i+1, j-1 {
			page[i], page[j] = page[j], page[i]
		}
	}
	return page, more
}
