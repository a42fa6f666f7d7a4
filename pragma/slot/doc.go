// Package slot keeps where each player is: the party, the queue entry and the
// game instances, and tells him when that changes.
//
// There is one record per player. Whatever moves a player edits his slot in the
// same commit that changes the party, the ticket or the instance:
//
//	err := parties.Update(ctx, id, func(tx *entity.Tx, p *state) error {
//		where, err := slots.Edit(tx, player)
//		if err != nil {
//			return err
//		}
//		if !where.PartyID.IsZero() {
//			return ErrAlreadyInParty
//		}
//		where.PartyID = p.ID
//		…
//	})
//
// So "a player is in at most one party, one queue entry and, by default, one
// game" holds at every committed moment, whatever races with what: of two
// commits that move the same player, one is run again and sees the other.
//
// The session attributes of the game backend (wire §2.4) follow from the slot.
// However often a commit edits a slot, the player gets one
// SessionChangedV1Notification with what has become different (wire §8, §9). A
// player who connects gets one with everything that is set.
package slot
