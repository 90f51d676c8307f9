#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(any(feature = "postgres", feature = "sqlite")),
    allow(
        dead_code,
        clippy::unused_async,
        reason = "without a database there is nothing to do"
    )
)]

mod contexts_within;
mod count;
mod counts;
mod database;
mod doctor;
mod drain_plot;
mod drain_sample;
mod error;
mod hook_check;
mod inspect;
mod migrate;
mod migrate_options;
mod migration;
mod page_size;
#[cfg(feature = "postgres")]
mod postgres;
mod progress;
mod report;
mod reveal;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod row;
mod rows;
mod selection;
#[cfg(feature = "sqlite")]
mod sqlite;
mod status;
mod store;
mod stored_form;
mod table;
mod token_scan;
mod unpark;
mod unsealed;
mod verify;

pub use count::{Count, Found, Place};
pub use doctor::{Finding, Leak};
pub use drain_plot::drain_plot;
pub use drain_sample::DrainSample;
pub use error::Error;
pub use inspect::{JobHeaders, MemberHeader, TokenHeader};
pub use migrate_options::{MigrateOptions, Stop};
pub use progress::Progress;
pub use report::{Report, Unreadable, Unstorable};
pub use reveal::{Reveal, Revealed, RevealedToken};
pub use selection::Selection;
pub use status::{SafeToRemove, Status};
pub use store::Store;
pub use table::{Form, Table};
pub use unsealed::Unsealed;
pub use verify::Verified;
