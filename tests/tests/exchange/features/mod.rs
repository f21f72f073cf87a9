//! Every feature of orders and markets over HTTP and WebSocket, with its refusals.

mod auctions;
mod floor;
mod makers;
mod orders;
mod told;
