use clap::Args;
use serde_json::json;

use crate::{
    exit::Exit,
    failure::Failure,
    jobs::store_arguments::{self, SelectionArguments, StoreArguments},
    output::Output,
    plural::many,
};

#[derive(Args)]
pub(crate) struct Unpark {
    #[command(flatten)]
    selection: SelectionArguments,

    #[command(flatten)]
    store: StoreArguments,
}

impl Unpark {
    pub(crate) async fn run(self, output: &Output) -> Result<Exit, Failure> {
        let store = self.store.store().await?;
        let put_back = store
            .unpark(&self.selection.selection())
            .await
            .map_err(store_arguments::failure)?;
        if put_back == 0 {
            self.selection.look_for_kind(&store).await?;
        }
        output.result(&json!({"put_back": put_back}), |_| {
            format!("{} put back\n", many(put_back, "job"))
        })?;
        Ok(Exit::Done)
    }
}
