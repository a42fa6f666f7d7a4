package inventory

import "testing"

// TestPlacesOfItemsAreStored fixes the hash: items are stored where it says.
func TestPlacesOfItemsAreStored(t *testing.T) {
	for key, want := range map[string]int{"": 217, "gold": 245, "0197d2a0": 75} {
		if got := hashOf([]byte(key)); got != want {
			t.Errorf("hashOf(%q) = %d, want %d: stored items would not be found", key, got, want)
		}
	}
}

func TestSplittingKeepsPagesSmall(t *testing.T) {
	s := newShelf()
	for n := range 10_000 {
		item := InstancedItem{CatalogID: "sword", InstanceID: InstanceID{byte(n >> 8), byte(n), byte(n * 7)}}
		if err := s.putInstanced(item); err != nil {
			t.Fatal(err)
		}
		if err := s.grow(); err != nil {
			t.Fatal(err)
		}
	}
	if s.head.Depth != maxDepth || s.head.Items != 10_000 {
		t.Errorf("head = %+v", s.head)
	}
	for n := range 1 << maxDepth {
		p, err := s.page(n)
		if err != nil || len(p.Instanced) > 3*pageItems {
			t.Errorf("page %d has %d items, %v", n, len(p.Instanced), err)
		}
	}
	if all, err := s.all(); err != nil || len(all.Instanced) != 10_000 {
		t.Errorf("%d items, %v", len(all.Instanced), err)
	}
}

func TestSizesGoBackToZero(t *testing.T) {
	s := newShelf()
	stack, item := StackableItem{CatalogID: "gold", Amount: 5}, InstancedItem{CatalogID: "sword", InstanceID: InstanceID{1}}
	for _, err := range []error{s.putStack(stack), s.putStack(stack), s.putInstanced(item), s.putInstanced(item)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if s.head.Items != 2 || s.head.Bytes != sizeOfStack(stack)+sizeOfInstanced(item) {
		t.Errorf("head = %+v", s.head)
	}
	if err := s.removeStack(stack); err != nil {
		t.Fatal(err)
	}
	if err := s.removeInstanced(item); err != nil {
		t.Fatal(err)
	}
	if s.head.Items != 0 || s.head.Bytes != 0 {
		t.Errorf("head = %+v", s.head)
	}
}
