use std::{
    io,
    sync::{Arc, Mutex},
};

/// What was written to it.
#[derive(Clone, Default)]
pub(crate) struct Written(Arc<Mutex<Vec<u8>>>);

impl Written {
    pub(crate) fn text(&self) -> String {
        let bytes = self.0.lock().expect("nothing panics with it");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    pub(crate) fn add(&self, text: &str) {
        let mut bytes = self.0.lock().expect("nothing panics with it");
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'\n');
    }

    pub(crate) fn clear(&self) {
        self.0.lock().expect("nothing panics with it").clear();
    }
}

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0
            .lock()
            .expect("nothing panics with it")
            .extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
