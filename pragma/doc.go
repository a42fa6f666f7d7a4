// Package pragma runs a game backend: gateways, sessions, calls, configuration.
//
// A backend is a [Server] literal with services in it:
//
//	srv := &pragma.Server{
//		Config: cfg,                        // from pragma.LoadConfig("common.yml")
//		Store:  sqlite.File("skirmish.db"), // nil keeps state in memory
//		Social: []pragma.Service{&account.Service{}},
//		Game:   []pragma.Service{parties, games, queue},
//	}
//	err := srv.Run(ctx)
//
// # Services
//
// Everything a backend can do is a [Service]: ours and a studio's own plug in
// through the same two methods. While it mounts, a service registers typed calls
// with [HandlePlayer], [HandlePartner] and [HandleOperator], notifications with
// [PlayerNotice] and [PartnerNotice], and its configuration with
// [ServiceConfig]. What it keeps belongs into entities (package entity): there a
// change is one conditional commit, and clients are told only after it.
//
// # Life of a server
//
// [Server.Run] reads the configuration, opens the store, mounts the services in
// order, runs their start functions, opens the gateways and serves until its
// context ends. Then it finishes the calls in flight, cuts the sockets so that
// clients reconnect, stops the background work and closes the store. All
// problems of a start are reported together.
//
// # Life of a call
//
// A frame is read, checked and routed by its type to the one handler that is
// registered for it on this gateway. Calls of one connection run one after the
// other, in the order in which they arrive; heartbeats do not wait for them. The
// answer leaves before any notification that the call causes for the same
// connection. An error becomes a serviceError: see [Error].
//
// # Life of a session
//
// A player has one live session per backend. A later log-in takes it over; a
// broken connection leaves it detached for a grace time, in which the same
// log-in may come back; log-out and a clean close end it. Services that care
// use [Mount.OnConnect] and [Mount.OnSessionEnd]. Sessions are durable: after a
// restart players come back as after a broken connection.
//
// An existing client that comes back is told the present truth. One that asked for
// it when it opened the socket, as package client does, gets the frames it has
// missed instead, as long as the server has them, and answers to calls that were
// in flight (ADR 12).
//
// A socket may outlive its token by tokenGraceSeconds. SessionRefreshV1 with a
// newer token of the same session keeps it open; otherwise it is cut, and the
// session detached, so that the client comes back with another token.
//
// # Where state is kept
//
// Server.Store is the database of a server without configuration. A file may name
// another one, of any product in Server.Databases, and documented sections may name
// databases for the records of their service (ADR 16):
//
//	core:
//	  databaseConfig:                      # for everything
//	    driver: POSTGRES                   # MYSQLDB or SQLITE
//	    hostPortSchema: db.example.net:5432/skirmish # of SQLITE: the path of the file
//	    username: skirmish
//	    password: ${DB_PASSWORD}           # or file:<path>
//	    tls: {enabled: true}               # caFile, certFile, keyFile, serverName
//	    readConnections: 8
//	    writeConnections: 2
//	    queue: 1024                        # batches that wait
//	    timeoutMillis: 10000
//	    allowUnsafe: []                    # findings of the start-up probe that are accepted
//	social:
//	  serviceConfigs:
//	    AccountDaoConfig: {databaseConfig: {driver: MYSQLDB}}  # and so on: for accounts
//	    AuthCodeDaoConfig: {databaseConfig: {driver: MYSQLDB}} # for auth codes
//
// Sections that name the same database share its connections. Changes take effect
// at the next start.
//
// # On the internet
//
// The section core says who may come in and how much of it. Keys are changed
// while the server runs unless marked *; a 0 in brackets means no limit.
//
//	core:
//	  shutdownTimeoutMillis: 30000         # * for a drain in all
//	  session:
//	    handshakeTimeoutSeconds: 5         # * until the first request is read
//	    tokenGraceSeconds: 300             # (0)
//	    handshakesPerSecond: 0             # (0) upgrades in all; 5000 in production
//	    handshakeBurst: 20000
//	    addressHandshakesPerSecond: 2000   # (0) upgrades and refused tokens of one address; 100 in production
//	    addressHandshakeBurst: 20000       # 1000 in production
//	    addressSockets: 0                  # (0) of players or operators; 2000 in production
//	    maxPendingCalls: 64                # of one socket
//	    maxQueuedFrames: 256               # for one socket; more, and it is cut
//	    maxQueuedBytes: 1048576
//	    resumeFrames: 128                  # kept for a client that asked; 0 switches resuming off
//	    resumeBytes: 262144
//	    writeTimeoutSeconds: 10            # for one frame
//	    messageTimeoutSeconds: 20          # from the first byte of a message to the last
//	    controlFramesPerSecond: 20         # pings, pongs, small fragments
//	    drainSocketsPerSecond: 500         # (0) how fast a stopping server cuts its sockets
//	  gatewayManager:
//	    trustedProxies: [10.0.0.0/8]       # none by default
//	    forwardedHeader: X-Forwarded-For   # or Forwarded: the one that the proxies write
//	    unlimitedNetworks: [192.0.2.7]     # no limits per address, for load tests; none by default
//	    http:                              # * limits of HTTP requests
//	      maxHeaderBytes: 16384
//	      readTimeoutSeconds: 30
//	      writeTimeoutSeconds: 60
//	      idleTimeoutSeconds: 120
//	    game:                              # social: the same
//	      player:                          # partner, operator: the same
//	        enabled: true                  # *
//	        address: 127.0.0.1:10000       # *
//	        publicURL: https://game.example.com # * what clients are told
//	        allowedNetworks: [10.8.0.0/16] # all by default
//	        allowedOrigins: [https://play.example.com] # web pages that may call (CORS); none by default
//	        enforceOrigin: false           # refuse other pages; true for operators
//	        tls: {certFile: cert.pem, keyFile: key.pem} # * names; new contents are taken over
//
// Frame sizes and rates of calls are there too (wire §16.8). What is refused
// counts in the metric gamebackend_gateway_refused_total, and sockets that the
// server ends in gamebackend_session_cut_total, both by cause.
package pragma
