//! What tower promises about services holds with our layers around them, and every job comes out as it
//! went in.

mod hooked_queue;
mod hooks;
mod middleware;
mod order;
mod passage;
mod reload;
mod row;
