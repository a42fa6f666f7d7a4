package ext_test

import (
	"errors"
	"fmt"

	"github.com/openpragma/engine/pragma/ext"
)

type JoinExt struct {
	Rank int    `json:"rank"`
	Clan string `json:"clan"`
}

func Example() {
	fromClient, err := ext.Parse([]byte(`{ "rank": "3", "clan": "owls", "newerClient": true }`))
	if err != nil {
		fmt.Println(err)
		return
	}
	join, err := ext.As[JoinExt](fromClient)
	if err != nil {
		fmt.Println(err)
		return
	}
	join.Rank++
	fmt.Println(ext.Of(join))
	fmt.Println(fromClient)
	// Output:
	// {"rank":4,"clan":"owls"}
	// {"rank":"3","clan":"owls","newerClient":true}
}

func ExampleAs() {
	v := ext.Of(map[string]string{"rank": "high"})
	_, err := ext.As[JoinExt](v)
	fmt.Println(err)

	var decode *ext.DecodeError
	fmt.Println(errors.As(err, &decode), decode.Path)
	// Output:
	// decode ext_test.JoinExt: at /rank: want int, got text
	// true /rank
}

func ExampleOf() {
	fmt.Println(ext.Of(JoinExt{Rank: 1}))
	fmt.Println(ext.Of([]int{1}).Err()) // a message is an object
	// Output:
	// {"rank":1,"clan":""}
	// encode []int: want a JSON object
}

func ExampleParse() {
	v, err := ext.Parse([]byte(`{"price": 1.50, "id": 12345678901234567890}`))
	fmt.Println(v, err)
	_, err = ext.Parse([]byte(`{"price": 1, "price": 2}`))
	fmt.Println(err)
	// Output:
	// {"price":1.50,"id":12345678901234567890} <nil>
	// decode ext.Value: at /price: duplicate member
}

func ExampleValue_IsEmpty() {
	var v ext.Value
	fmt.Println(v.IsEmpty(), v)
	// Output: true {}
}
