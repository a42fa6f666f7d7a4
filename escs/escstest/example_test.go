package escstest_test

import (
	"fmt"
	"net/http"
	"strings"

	"github.com/openpragma/engine/escs/escstest"
)

// A platform that is away for one request, and then takes the result.
func Example() {
	platform, err := escstest.Start(escstest.Options{GameID: "g", Secret: "hush"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer platform.Close()
	platform.Script(escstest.Status(503))
	for range 2 {
		req, _ := http.NewRequest(http.MethodPost, platform.URL, strings.NewReader(
			`{"params":{"context":{"type":"BY_GAME_SECRET_KEY","gameId":"g","secretKey":"hush"},"setId":"final","roundId":"1"}}`))
		req.Header.Set("Idempotency-Key", "final:1")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		_ = resp.Body.Close()
	}
	for _, r := range platform.Requests() {
		fmt.Printf("%s %d, taken: %v\n", r.Key, r.Status, r.Accepted)
	}
	fmt.Println(len(platform.Results()), "result")
	// Output:
	// final:1 503, taken: false
	// final:1 200, taken: true
	// 1 result
}
