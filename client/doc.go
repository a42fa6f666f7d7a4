// Package client connects game clients, game servers and operators to a backend.
package client
