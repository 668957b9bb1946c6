package object

import (
	"bytes"
	"strconv"

	"github.com/fairleadhq/fairlead/internal/jsonscan"
	"github.com/fairleadhq/fairlead/internal/translate/rawjson"
)

// A maker that keeps answers keeps what is in them under names of its own: items, and
// the containers in which code ran. Whoever has its key can name them.

const (
	// mostTold is how many names of one response count, and longestName how long each
	// may be, in bytes.
	mostTold    = 1000
	longestName = 256
)

// MayName reports whether there may be names of such things in a request; most have
// none, and need not be read for it.
func MayName(body []byte) bool {
	for _, sign := range []string{`"id"`, "item_reference", "container", "conversation", `\u`} {
		if bytes.Contains(body, []byte(sign)) {
			return true
		}
	}
	return false
}

// Names is what an item of an input names; "" or false is nothing.
type Names struct {
	// Stands says that the item stands for another one, Item.
	Stands bool
	Item   string
	// Reasoning is reasoning that the item does not carry with it.
	Reasoning string
	// Containers are where the item's code ran.
	Containers []Named
}

// NamesIn is what an item of an input names, whose path is path. The error is a
// *jsonscan.Error.
func NamesIn(item rawjson.Object, path string) (Names, error) {
	id := item.Get("id")
	switch kind := item.Get("type"); {
	case kind.Is("item_reference"), !kind.Given() && !item.Get("role").Given() && id.Given():
		return Names{Stands: true, Item: id.Text()}, nil
	case kind.Is("image_generation_call") && !item.Get("result").Given():
		return Names{Stands: true, Item: id.Text()}, nil
	case kind.Is("reasoning") && !item.Get("encrypted_content").Given() && isEmpty(item.Get("content")):
		return Names{Reasoning: id.Text()}, nil
	}
	containers, err := containersOf(item, path)
	return Names{Containers: containers}, err
}

// containersOf are those that an item tells of, or a tool, whose path is path.
func containersOf(o rawjson.Object, path string) ([]Named, error) {
	var all []Named
	if name := o.Get("container_id").Text(); name != "" {
		all = append(all, Named{Name: name, Path: path + ".container_id"})
	}
	if o.Get("environment").Kind() != jsonscan.ObjectKind {
		return all, nil
	}
	environment, err := rawjson.ReadObject(o.Get("environment"))
	if err != nil {
		return nil, err
	}
	if name := environment.Get("container_id").Text(); name != "" {
		all = append(all, Named{Name: name, Path: path + ".environment.container_id"})
	}
	return all, nil
}

func isEmpty(list rawjson.Value) bool {
	return !list.Given() || list.Kind() == jsonscan.ArrayKind && len(bytes.TrimSpace(list[1:len(list)-1])) == 0
}

// Named is a name of a request, with the path of the member where it stands.
type Named struct{ Name, Path string }

// Containers are those that a request's tools are to run in. The error is a
// *jsonscan.Error.
func Containers(tools rawjson.Value) ([]Named, error) {
	if tools.Kind() != jsonscan.ArrayKind {
		return nil, nil
	}
	list, err := rawjson.ReadArray(tools)
	if err != nil {
		return nil, err
	}
	var all []Named
	for n, value := range list {
		if value.Kind() != jsonscan.ObjectKind {
			continue
		}
		tool, err := rawjson.ReadObject(value)
		if err != nil {
			return nil, err
		}
		path := "tools[" + strconv.Itoa(n) + "]"
		if name := tool.Get("container").Text(); name != "" {
			all = append(all, Named{Name: name, Path: path + ".container"})
		}
		others, err := containersOf(tool, path)
		if err != nil {
			return nil, err
		}
		all = append(all, others...)
	}
	return all, nil
}

// Told are the names that a response object tells its client. What is no response
// object tells none.
func Told(response []byte) []string {
	o, err := rawjson.ReadObject(response)
	if err != nil {
		return nil
	}
	output, err := rawjson.ReadArray(o.Get("output"))
	if err != nil {
		return nil
	}
	var names []string
	for _, value := range output {
		item, err := rawjson.ReadObject(value)
		if err != nil {
			continue
		}
		told, _ := containersOf(item, "") // what nobody can say is not told
		for _, one := range append(told, Named{Name: item.Get("id").Text()}) {
			if one.Name != "" && len(one.Name) <= longestName && len(names) < mostTold {
				names = append(names, one.Name)
			}
		}
	}
	return names
}
