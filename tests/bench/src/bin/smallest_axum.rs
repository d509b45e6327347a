//! The smallest axum program, a peer of `cold-start`: one route, one thread. Its argument is the address.

use std::env;

use anyhow::{Context as _, Result};
use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

fn main() -> Result<()> {
    let address = env::args().nth(1).context("the address is missing")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        Ok(axum::serve(listener, Router::new().route("/healthz", get(async || "ok\n"))).await?)
    })
}
