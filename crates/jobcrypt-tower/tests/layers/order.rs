//! What a layer sees of a job depends on where it stands.

use std::future::Ready;

use jobcrypt_tower::{DecryptLayer, EncryptLayer};
use tower::{
    BoxError, Layer, ServiceBuilder, ServiceExt, buffer::Buffer, retry::Policy, service_fn,
};

use crate::row::{ARGS, Row, Rows, hook};

/// Stands for a layer that logs jobs.
fn seen_by(log: &Rows) -> impl Fn(Row) -> Row + Clone + use<> {
    let log = log.clone();
    move |row| {
        log.lock().push(row.clone());
        row
    }
}

#[tokio::test]
async fn around_our_layers_a_log_sees_readable_args_on_enqueue_and_sealed_ones_on_dequeue() {
    let (hook, outside, inside) = (hook(), Rows::default(), Rows::default());
    ServiceBuilder::new()
        .map_request(seen_by(&outside))
        .layer(EncryptLayer::new(hook.clone()))
        .map_request(seen_by(&inside))
        .service(Rows::default().store())
        .oneshot(Row::new("charge_card", ARGS))
        .await
        .expect("it is stored");
    assert_eq!(outside.lock()[0].text(), ARGS, "the wrong place: it leaks");
    let stored = inside.lock()[0].clone();
    assert!(stored.is_sealed(), "the right place");

    let (outside, inside) = (Rows::default(), Rows::default());
    ServiceBuilder::new()
        .map_request(seen_by(&outside))
        .layer(DecryptLayer::new(hook))
        .map_request(seen_by(&inside))
        .service(service_fn(async |_: Row| Ok::<_, BoxError>(())))
        .oneshot(stored)
        .await
        .expect("it is worked");
    assert!(outside.lock()[0].is_sealed(), "the right place");
    assert_eq!(inside.lock()[0].text(), ARGS, "the wrong place: it leaks");
}

/// Keeps a copy for another attempt, and makes none.
#[derive(Clone)]
struct Copying(Rows);

impl Policy<Row, usize, BoxError> for Copying {
    type Future = Ready<()>;

    fn retry(&mut self, _: &mut Row, _: &mut Result<usize, BoxError>) -> Option<Self::Future> {
        None
    }

    fn clone_request(&mut self, row: &Row) -> Option<Row> {
        self.0.lock().push(row.clone());
        Some(row.clone())
    }
}

#[tokio::test]
async fn a_retry_around_the_layer_keeps_readable_copies_and_one_inside_of_it_sealed_ones() {
    let (outside, inside) = (Rows::default(), Rows::default());
    ServiceBuilder::new()
        .retry(Copying(outside.clone()))
        .layer(EncryptLayer::new(hook()))
        .retry(Copying(inside.clone()))
        .service(service_fn(async |_: Row| Ok::<_, BoxError>(1)))
        .oneshot(Row::new("charge_card", ARGS))
        .await
        .expect("it is stored");
    assert_eq!(outside.lock()[0].text(), ARGS, "the wrong place: it leaks");
    assert!(inside.lock()[0].is_sealed(), "the right place");
}

/// A buffer's jobs are those that its service has not got yet.
#[tokio::test]
async fn in_a_buffer_around_the_layer_jobs_wait_readable_and_in_one_inside_of_it_sealed() {
    let (outside, inside) = (Rows::default(), Rows::default());
    let within = Buffer::new(
        ServiceBuilder::new()
            .map_request(seen_by(&inside))
            .service(Rows::default().store()),
        1,
    );
    let around = Buffer::new(
        ServiceBuilder::new()
            .map_request(seen_by(&outside))
            .service(EncryptLayer::new(hook()).layer(within)),
        1,
    );
    let stored = around.oneshot(Row::new("charge_card", ARGS)).await;
    stored.expect("it is stored");
    assert_eq!(outside.lock()[0].text(), ARGS, "the wrong place: it leaks");
    assert!(inside.lock()[0].is_sealed(), "the right place");
}
