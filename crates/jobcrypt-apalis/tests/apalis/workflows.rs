//! Workflows: each step is a job, and its output the args of the next.

use std::time::Duration;

use apalis_core::{
    backend::ext::BackendExt,
    error::BoxDynError,
    worker::{builder::WorkerBuilder, context::WorkerContext},
};
use apalis_workflow::{GraphFlow, SteppedFlow, WorkflowSink};
use jobcrypt_apalis::EncryptBackend;
use jobcrypt_testkit::find_canary;

use crate::bench::{Engine, Row, hook, new_key, worker_name};

const CANARY: &str = "canary-pan-41111111";

async fn charge(number: u32) -> Result<String, BoxDynError> {
    Ok(format!("{CANARY}-{number}"))
}

async fn receipt(charge: String, worker: WorkerContext) -> Result<String, BoxDynError> {
    assert_eq!(charge, format!("{CANARY}-7"));
    worker.stop()?;
    Ok(charge)
}

async fn both(
    (one, other): (String, String),
    worker: WorkerContext,
) -> Result<String, BoxDynError> {
    assert_eq!(one, other);
    worker.stop()?;
    Ok(one)
}

async fn nothing_is_readable(engine: &impl Engine, steps: usize) {
    let rows = engine.rows().await;
    assert_eq!(rows.len(), steps, "{rows:?}");
    // A node that waits for two has a job for either; the worker may stop at one before it begins the other.
    let done = rows.iter().filter(|row| row.status == "Done").count();
    assert!(done + 1 >= steps, "{rows:?}");
    for Row {
        args,
        result,
        status,
        ..
    } in rows
    {
        assert!(args.starts_with(r#"{"river_encrypt":"jc1."#), "{args}");
        let is_sealed = result.contains(r#""river_encrypt":"#);
        assert!(is_sealed || status != "Done", "{result}");
    }
    let dump = engine.dump().await;
    assert_eq!(find_canary(&dump, CANARY), None);
}

macro_rules! workflows_on {
    ($store:ident, $engine:ty) => {
        mod $store {
            use super::*;

            #[tokio::test]
            async fn the_steps_of_a_workflow_are_sealed_and_so_is_what_they_return() {
                let engine = <$engine as Engine>::start().await;
                let storage = engine.typed::<u32>();
                let mut backend = EncryptBackend::new(hook(new_key()), "order", storage);
                backend.push_start(7_u32).await.expect("it is stored");
                let flow = SteppedFlow::new("order").and_then(charge).and_then(receipt);
                let worker = WorkerBuilder::new(worker_name())
                    .backend(backend.poll_with_interval(Duration::from_millis(10)))
                    .build(flow);
                worker.run().await.expect("the worker lives on");
                nothing_is_readable(&engine, 2).await;
            }

            #[tokio::test]
            async fn the_nodes_of_a_graph_get_what_others_returned() {
                let engine = <$engine as Engine>::start().await;
                let storage = engine.typed::<Vec<u8>>();
                let mut backend = EncryptBackend::new(hook(new_key()), "order", storage);
                backend
                    .start_fan_out(vec![7_u32, 7])
                    .await
                    .expect("they are stored");
                let graph = GraphFlow::new("order");
                let one = graph.add_task(charge);
                let other = graph.add_task(charge);
                graph.add_task(both).depends_on((&one, &other));
                let worker = WorkerBuilder::new(worker_name())
                    .backend(backend.poll_with_interval(Duration::from_millis(10)))
                    .build(graph);
                worker.run().await.expect("the worker lives on");
                // The start, two nodes, and a last one for either that it waits for.
                nothing_is_readable(&engine, 5).await;
            }
        }
    };
}

workflows_on!(sqlite, crate::sqlite::Sqlite);
#[cfg(feature = "postgres")]
workflows_on!(postgres, crate::postgres::Postgres);
#[cfg(feature = "redis")]
workflows_on!(redis, crate::redis::Redis);
