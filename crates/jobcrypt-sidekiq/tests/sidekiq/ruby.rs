//! A real client of Ruby's Sidekiq.

use std::process::Command;

use crate::bench::Bench;

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
