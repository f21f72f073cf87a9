//! The server: verify, sequence, apply, journal, publish; REST and WebSocket.
