package pragma

import (
	"context"
	"log/slog"
	"slices"
)

// Roles of operators (wire §16.6).
const (
	RoleAdmin  = "ADMIN"  // may do everything
	RoleViewer = "VIEWER" // may list and get
)

// ErrRole is a call that needs a role the operator does not have.
var ErrRole = &Error{Code: PermissionDenied, Reason: "AccountService_Unauthorized", Message: "this needs the role " + RoleAdmin}

// Has reports whether the operator has a role. An admin has every role.
func (o *OperatorSession) Has(role string) bool {
	return slices.Contains(o.Roles, role) || slices.Contains(o.Roles, RoleAdmin)
}

// Audit begins what an operator's call is about to change: it returns [ErrRole]
// for one who may only look, and writes a line with the operator, the action and
// attrs to the audit log otherwise. Every operator call that acts uses it, after
// it has checked the request and before it changes anything. Action is a constant
// such as "ban account"; attrs must hold no secrets.
func (m *Mount) Audit(ctx context.Context, o *OperatorSession, action string, attrs ...slog.Attr) error {
	if !o.Has(RoleAdmin) {
		return ErrRole
	}
	attrs = append([]slog.Attr{
		slog.String("action", action),
		slog.String("operator", o.SocialID.String()),
		slog.String("operatorName", o.DisplayName.String()),
	}, attrs...)
	m.log.LogAttrs(ctx, slog.LevelInfo, "audit", attrs...)
	return nil
}
