package entity
import ("testing";"time";"fmt")
type innerT struct { A int `json:"a"`; Unknown }
type sT struct { Name string `json:"name"`; M map[string]int `json:"m"`; In innerT `json:"in"`; When time.Time `json:"when,omitzero"`}
type dT struct { sT; D time.Duration `json:"d"` }
type selfT struct { Unknown; X int `json:"x"` }
func TestZZ(t *testing.T) {
	c, z, err := newCodec[sT]()
	fmt.Println(c, string(z), err)
	d, err := c.decode([]byte(`{"name":"x","in":{"a":1,"b":2},"zz":[1,2]}`))
	fmt.Println(err)
	b, err := c.encode(d)
	fmt.Println(string(b), err)
	c2, z, err := newCodec[dT]()
	fmt.Println(c2, string(z), err)
	c3, z, err := newCodec[map[string]int]()
	fmt.Println(c3, string(z), err)
	c4, z, err := newCodec[selfT]()
	fmt.Println(c4, string(z), err)
	d, err = c4.decode([]byte(`{"x":1,"y":2}`))
	b, err = c4.encode(d)
	fmt.Printf("%s %+v\n",b, d)
	c5, z, err := newCodec[func()]()
	fmt.Println(c5, string(z), err)
	c6, z, err := newCodec[callState]()
	fmt.Println(c6, string(z), err)
}
