package flows_test

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/openpragma/engine/pragma"
	"github.com/openpragma/engine/pragma/pragmatest"
)

// play runs the lines of a flow; README.md says what they mean.
type play struct {
	w       *pragmatest.World
	update  bool
	values  map[string]string // of ${names}
	sockets map[string]*pragmatest.Raw
	answer  string // of the last HTTP request: status and body
	post    *http.Request
	lines   []string
	at      int
	named   int
}

func newPlay(w *pragmatest.World, update bool) *play {
	return &play{w: w, update: update, values: make(map[string]string), sockets: make(map[string]*pragmatest.Raw)}
}

// record returns the flow with what the server said.
func (p *play) record() string { return strings.Join(p.lines, "\n") }

func (p *play) run(text string) {
	p.w.T.Helper()
	p.lines = strings.Split(text, "\n")
	for p.at = range p.lines {
		line := strings.TrimSpace(p.lines[p.at])
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if !p.step(line) {
			p.w.T.Fatalf("line %d: cannot read %q", p.at+1, line)
		}
		if p.w.T.Failed() {
			return
		}
	}
}

// A verb is one form of a line; run gets the parts that the parentheses name.
type verb struct {
	form *regexp.Regexp
	run  func(p *play, part []string)
}

func verbs() []verb {
	form := func(text string) *regexp.Regexp { return regexp.MustCompile("^" + text + "$") }
	return []verb{
		{form(`(\w+) (game|social) > (.*)`), func(p *play, part []string) { p.socket(part[1], part[2]).Send(p.fill(part[3])) }},
		{form(`(\w+) (game|social) < (.*)`), func(p *play, part []string) {
			f, ok := p.socket(part[1], part[2]).Poll(time.Minute)
			if !ok {
				p.w.T.Fatalf("line %d: no frame came, want %s", p.at+1, part[3])
			}
			p.expect(part[1]+" "+part[2]+" < ", part[3], f.Text)
		}},
		{form(`(\w+) (game|social) hears nothing`), func(p *play, part []string) {
			if f, ok := p.socket(part[1], part[2]).Poll(3 * time.Second); ok {
				p.w.T.Fatalf("line %d: got %s, want nothing", p.at+1, f.Text)
			}
		}},
		{form(`(\w+) (game|social) is closed with (\d+)`), func(p *play, part []string) { p.ended(part[1], part[2], part[3]) }},
		{form(`(\w+) (game|social) is cut`), func(p *play, part []string) { p.ended(part[1], part[2], "-1") }},
		{form(`(\w+) (game|social) closes`), func(p *play, part []string) { p.socket(part[1], part[2]).Close() }},
		{form(`(\w+) (game|social) breaks`), func(p *play, part []string) { p.socket(part[1], part[2]).Cut() }},
		{form(`(\w+) logs in`), func(p *play, part []string) {
			p.values[part[1]+".game"], p.values[part[1]+".social"] = p.w.Tokens(part[1])
		}},
		{form(`(\w+) gets partner tokens`), func(p *play, part []string) {
			p.values[part[1]+".game"], p.values[part[1]+".social"] = p.w.PartnerTokens()
		}},
		{form(`(\w+) opens (game|social)/(player|partner|operator)`), func(p *play, part []string) {
			p.sockets[part[1]+" "+part[2]] = p.w.Raw(gateway(part[2], part[3]), p.value(part[1]+"."+part[2]))
		}},
		{form(`(\w+|nobody) (GET|POST) (game|social)/(player|partner|operator) (/\S*)`), func(p *play, part []string) {
			p.request(part[1], part[2], part[3], part[4], part[5])
		}},
		{form(`> (.*)`), func(p *play, part []string) {
			p.post.Body = io.NopCloser(strings.NewReader(p.fill(part[1])))
			p.send()
		}},
		{form(`< (\d{3} .*)`), func(p *play, part []string) {
			if p.answer == "" {
				p.send()
			}
			p.expect("< ", part[1], p.answer)
			p.answer = ""
		}},
		{form(`wait (\w+)`), func(p *play, part []string) {
			d, err := time.ParseDuration(part[1])
			if err != nil {
				p.w.T.Fatalf("line %d: %v", p.at+1, err)
			}
			time.Sleep(d)
		}},
	}
}

func (p *play) step(line string) bool {
	p.w.T.Helper()
	for _, v := range verbs() {
		if part := v.form.FindStringSubmatch(line); part != nil {
			v.run(p, part)
			return true
		}
	}
	return false
}

func (p *play) socket(who, backend string) *pragmatest.Raw {
	p.w.T.Helper()
	c := p.sockets[who+" "+backend]
	if c == nil {
		p.w.T.Fatalf("line %d: %s has no socket on %s", p.at+1, who, backend)
	}
	return c
}

func (p *play) ended(who, backend, want string) {
	p.w.T.Helper()
	if got := strconv.Itoa(p.socket(who, backend).Closed()); got != want {
		p.w.T.Fatalf("line %d: the socket ended with %s, want %s", p.at+1, got, want)
	}
}

func gateway(backend, session string) pragma.Gateway {
	return pragma.Gateway{Backend: pragma.Backend(strings.ToUpper(backend)), Type: pragma.SessionType(strings.ToUpper(session))}
}

func (p *play) request(who, method, backend, session, path string) {
	p.w.T.Helper()
	url := "http://" + p.w.Address(gateway(backend, session)) + path
	r, err := http.NewRequestWithContext(p.w.T.Context(), method, url, nil)
	if err != nil {
		p.w.T.Fatal(err)
	}
	r.Header.Set("Accept", "application/json")
	r.Header.Set("Content-Type", "application/json")
	if who != "nobody" {
		r.Header.Set("Authorization", "Bearer "+p.value(who+"."+backend))
	}
	p.post, p.answer = r, ""
}

func (p *play) send() {
	p.w.T.Helper()
	resp, err := p.w.HTTP().Do(p.post)
	if err != nil {
		p.w.T.Fatalf("line %d: %v", p.at+1, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		p.w.T.Fatalf("line %d: %v", p.at+1, err)
	}
	p.answer = strings.TrimSpace(fmt.Sprintf("%d %s", resp.StatusCode, body))
}

func (p *play) value(name string) string {
	p.w.T.Helper()
	v, ok := p.values[name]
	if !ok {
		p.w.T.Fatalf("line %d: nothing is called ${%s} yet", p.at+1, name)
	}
	return v
}

var placeholder = regexp.MustCompile(`\$\{([\w.]+)\}`)

// fill puts values in the places of their names.
func (p *play) fill(text string) string {
	p.w.T.Helper()
	return placeholder.ReplaceAllStringFunc(text, func(m string) string { return p.value(m[2 : len(m)-1]) })
}

// expect compares what came with the flow: ${name} stands for its value, or, the
// first time, for any text, which it names from then on. ${_} is any text.
func (p *play) expect(head, want, got string) {
	p.w.T.Helper()
	if p.matches(want, got) {
		return
	}
	if !p.update {
		p.w.T.Errorf("line %d:\n got %s\nwant %s", p.at+1, p.describe(got, false), want)
		return
	}
	p.lines[p.at] = head + p.describe(got, true)
}

func (p *play) matches(want, got string) bool {
	var names []string
	var form strings.Builder
	rest := want
	for {
		at := placeholder.FindStringSubmatchIndex(rest)
		if at == nil {
			break
		}
		form.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		name := rest[at[2]:at[3]]
		switch v, known := p.values[name]; {
		case known:
			form.WriteString(regexp.QuoteMeta(v))
		case name == "_":
			form.WriteString(`.*?`)
		default:
			names = append(names, name)
			form.WriteString(`([^"]*?)`)
		}
		rest = rest[at[1]:]
	}
	form.WriteString(regexp.QuoteMeta(rest))
	found := regexp.MustCompile("(?s)^" + form.String() + "$").FindStringSubmatch(got)
	if found == nil {
		return false
	}
	for i, name := range names {
		p.values[name] = found[i+1]
	}
	return true
}

var (
	short    = regexp.MustCompile(`"(discriminator|inviteCode)":"(\w+)"`)
	unnamed  = regexp.MustCompile(`"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|ey[\w-]+\.[\w-]+\.[\w-]+|[\w-]{43})"`)
	traceID  = regexp.MustCompile(`"traceId":"[^"]*"`)
	fixedIDs = regexp.MustCompile(`^0{8}-|Service_`) // or a reason as long as a token
)

// describe puts names in the places of values. With new ones, values that look
// like ids or tokens and have no name get one.
func (p *play) describe(got string, named bool) string {
	got = traceID.ReplaceAllLiteralString(got, `"traceId":"${_}"`)
	for name, v := range p.values {
		if len(v) > 8 {
			got = strings.ReplaceAll(got, v, "${"+name+"}")
		}
	}
	if !named {
		return got
	}
	got = short.ReplaceAllStringFunc(got, func(m string) string {
		part := short.FindStringSubmatch(m)
		return `"` + part[1] + `":` + p.name(part[2])
	})
	return unnamed.ReplaceAllStringFunc(got, func(m string) string {
		if v := m[1 : len(m)-1]; !fixedIDs.MatchString(v) {
			return p.name(v)
		}
		return m
	})
}

// name returns the name of a value, a new one if it has none.
func (p *play) name(v string) string {
	for name, value := range p.values {
		if value == v {
			return `"${` + name + `}"`
		}
	}
	name := ""
	for name == "" || strings.Contains(p.record(), "${"+name+"}") {
		p.named++
		name = fmt.Sprintf("id%d", p.named)
	}
	p.values[name] = v
	return `"${` + name + `}"`
}
