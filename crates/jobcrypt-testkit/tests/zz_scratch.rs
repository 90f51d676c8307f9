#[test] fn fails() { panic!("no") }
#[test] fn long() { let (_a,b)=std::sync::mpsc::channel::<()>(); let _=b.recv_timeout(std::time::Duration::from_secs(30)); }
