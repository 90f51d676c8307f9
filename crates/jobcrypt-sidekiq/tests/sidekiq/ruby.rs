//! A real client of Ruby's Sidekiq.

use std::{process::Command, sync::Arc};

use jobcrypt_core::Keyring;
use jobcrypt_sidekiq::EncryptMiddleware;
use sidekiq::Processor;

use crate::bench::{Bench, ChargeCard, QUEUE, new_key};

fn push(bench: &Bench, class: &str, args: &str) -> String {
    let url = bench.server.url();
    let socket = url.trim_start_matches("redis+unix://");
    let output = Command::new("ruby")
        .args([
            "-e",
            include_str!("ruby_client.rb"),
            socket,
            class,
            args,
            "default",
        ])
        .output()
        .expect("there is a Ruby; `cargo xtask test` sees to it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Sidekiq's client failed: {said}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[tokio::test]
async fn a_plaintext_job_of_rubys_sidekiq_is_worked() {
    let mut bench = Bench::with_new_key().await;
    let jid = push(&bench, "charge_card", r#"["41111111",{"months":3}]"#);
    assert_eq!(bench.queued().await[0].jid, jid);
    bench.work_one().await;
    let args = r#"["41111111",{"months":3}]"#.to_owned();
    assert_eq!(bench.seen.take(), [("charge_card".to_owned(), args)]);
    assert_eq!(bench.hook.plaintext_accepted(), 1);
}

/// What its dashboard and its clients read: a class and an array of args.
#[tokio::test]
async fn rubys_sidekiq_reads_a_sealed_job_as_a_legal_one() {
    const READ: &str = r#"
        require "sidekiq/api"
        Sidekiq.configure_client { |config| config.redis = { url: "unix://#{ARGV[0]}" } }
        Sidekiq::Queue.new("default").each do |job|
          raise "no array" unless job.args.is_a?(Array)
          puts [job.klass, job.args.length, job.args[0].keys, job.jid].join(" ")
        end
    "#;
    let bench = Bench::with_new_key().await;
    let opts = sidekiq::opts();
    let jid = bench
        .client
        .push(&opts, "charge_card", ("41111111", 3))
        .await;
    let jid = jid.expect("a sound job is stored").expect("it is new");
    let url = bench.server.url();
    let socket = url.trim_start_matches("redis+unix://");
    let output = Command::new("ruby").args(["-e", READ, socket]).output();
    let output = output.expect("there is a Ruby; `cargo xtask test` sees to it");
    let read = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        read.trim(),
        format!("charge_card 1 river_encrypt {jid}"),
        "{said}"
    );
}

/// What its dashboard does by a button.
#[tokio::test]
async fn a_job_in_the_dead_set_is_put_back_by_rubys_sidekiq_once_the_cause_is_mended() {
    const RETRY: &str = r#"
        require "sidekiq/api"
        Sidekiq.configure_client { |config| config.redis = { url: "unix://#{ARGV[0]}" } }
        Sidekiq::DeadSet.new.each(&:retry)
    "#;
    let mut bench = Bench::with_new_key().await;
    let opts = sidekiq::opts();
    let pushed = bench.client.push(&opts, "charge_card", "41111111").await;
    pushed.expect("a sound job is stored");
    let before = bench.hook.keys().snapshot();
    let retired = before.primary().key_id();
    let without = Keyring::new(new_key()).retired(retired).build();
    bench.hook.keys().swap(without.expect("the key is new"));
    bench.processor = Processor::new(bench.redis.clone(), vec![QUEUE.to_owned()]);
    bench
        .processor
        .register(ChargeCard(Arc::clone(&bench.seen)));
    let middleware = EncryptMiddleware::new(bench.hook.clone()).dead_refused();
    bench.processor.using(middleware).await;
    bench.work_one().await;
    assert_eq!(bench.in_set("dead").await.len(), 1);

    let mended = before.with_secondary(new_key()).build();
    bench.hook.keys().swap(mended.expect("the keys are two"));
    let url = bench.server.url();
    let socket = url.trim_start_matches("redis+unix://");
    let output = Command::new("ruby").args(["-e", RETRY, socket]).output();
    let output = output.expect("there is a Ruby; `cargo xtask test` sees to it");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "Sidekiq's API failed: {said}");
    assert!(bench.work_one().await, "it is in its queue");
    let args = r#""41111111""#.to_owned();
    assert_eq!(bench.seen.take(), [("charge_card".to_owned(), args)]);
}
