package treesitter

import (
	"reflect"
	"testing"
)

// TestPackKeepsAll: nothing that facts have is left behind, nor anything that
// they will have one day.
func TestPackKeepsAll(t *testing.T) {
	f := new(Facts)
	fillAll(t, reflect.ValueOf(f).Elem())
	other := &Facts{Refs: []Ref{{f.Refs[0].Statement, 7, 0}}, Opaque: []int{0, 9}}
	want := []*Facts{f, {}, other}
	got, err := Unpack(Pack(want))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v: got %+v, want %+v", err, got, want)
	}
	if got[0].Refs[0].Statement != got[2].Refs[0].Statement {
		t.Error("equal statements are kept twice")
	}
}

// fillAll gives every field a value that is not its zero.
func fillAll(t *testing.T, v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			fillAll(t, v.Field(i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillAll(t, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillAll(t, v.Index(0))
		fillAll(t, v.Index(1))
	case reflect.String:
		v.SetString("word \xff")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int:
		v.SetInt(300)
	case reflect.Uint8:
		v.SetUint(3)
	default:
		t.Fatalf("a %v in facts: Pack has to know it", v.Kind())
	}
}

// FuzzPack packs the facts of any source, and unpacks any bytes.
func FuzzPack(f *testing.F) {
	seeds(f, func(src []byte) {
		f.Add(src)
		f.Add(Pack([]*Facts{Extract(src)}))
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 1<<16 {
			return // time is bounded elsewhere
		}
		want := []*Facts{Extract(data)}
		if got, err := Unpack(Pack(want)); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%v: got %+v, want %+v", err, got, want)
		}
		all, err := Unpack(data)
		if err != nil {
			return
		}
		if again, err := Unpack(Pack(all)); err != nil || !reflect.DeepEqual(again, all) {
			t.Fatalf("%v: got %+v, want %+v", err, again, all)
		}
	})
}
