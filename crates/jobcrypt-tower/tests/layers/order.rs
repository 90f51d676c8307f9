//! What a layer sees of a job depends on where it stands.

use jobcrypt_tower::{DecryptLayer, EncryptLayer};
use tower::{BoxError, ServiceBuilder, ServiceExt, service_fn};

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
