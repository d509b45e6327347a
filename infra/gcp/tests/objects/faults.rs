//! Lines that break every so many bytes: a transfer goes on, or ends with an error, and never with wrong bytes.

use std::net::TcpListener;
use std::time::Duration;

use chaos_proxy::{ChaosProxy, Direction};
use contract::objects::{collect, content, upload};
use domain::objects::{ObjectName, Uploaded};
use domain::ports::ObjectStore as _;
use futures_util::StreamExt as _;
use infra_gcp::{CloudObjects, Endpoint};

use crate::support::{Emulator, bucket};

const SIZE: usize = 5 * 1024 * 1024;

/// A line to an emulator that is reached by it alone.
struct Stage {
    line: ChaosProxy,
    _emulator: Emulator,
    objects: CloudObjects,
    name: ObjectName,
}

async fn stage(purpose: &str) -> Stage {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let line = ChaosProxy::to(nobody).unwrap();
    let emulator = Emulator::behind(line.addr());
    line.retarget(emulator.addr).unwrap();
    let name = ObjectName::try_new(&bucket(purpose, emulator.addr).await, "a/b").unwrap();
    let objects = CloudObjects::new(Endpoint::Emulator(line.addr().to_string()));
    Stage { line, _emulator: emulator, objects, name }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_goes_on_where_it_was_cut() {
    let stage = stage("cut-down").await;
    let bytes = content(SIZE, 1);
    let Uploaded::Stored(info) = stage.objects.write(&stage.name, upload(&bytes, None), None).await.unwrap() else { panic!() };
    stage.line.cut_after(Direction::Down, Some(700_000));
    let carried = stage.line.carried();
    let read = |range| collect(&stage.objects, &stage.name, info.generation, range);
    assert!(read(0..info.size).await.unwrap().unwrap() == bytes);
    assert!(stage.line.carried() - carried >= 8, "{} connections", stage.line.carried() - carried);
    assert!(read(1_000_001..4_000_001).await.unwrap().unwrap() == bytes.slice(1_000_001..4_000_001));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_where_it_was_cut() {
    let stage = stage("cut-up").await;
    let bytes = content(SIZE, 2);
    stage.line.cut_after(Direction::Up, Some(2_500_000));
    let carried = stage.line.carried();
    let stored = stage.objects.write(&stage.name, upload(&bytes, None), Some(crc32c::crc32c(&bytes))).await.unwrap();
    let Uploaded::Stored(info) = stored else { panic!("{stored:?}") };
    assert!(stage.line.carried() - carried >= 3, "{} connections", stage.line.carried() - carried);
    stage.line.cut_after(Direction::Up, None);
    assert!(collect(&stage.objects, &stage.name, info.generation, 0..info.size).await.unwrap().unwrap() == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_lost_costs_a_question_and_not_the_upload() {
    let stage = stage("lost-answer").await;
    let bytes = content(100_000, 3);
    // Answers are cut in their headers for a while: what was sent has arrived, and nobody is told.
    stage.line.cut_after(Direction::Down, Some(20));
    let mend = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        stage.line.cut_after(Direction::Down, None);
    };
    let (stored, ()) = tokio::join!(stage.objects.write(&stage.name, upload(&bytes, None), None), mend);
    let Uploaded::Stored(info) = stored.unwrap() else { panic!() };
    assert_eq!(stage.objects.stat(&stage.name).await.unwrap(), Some(info));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_replaced_while_the_line_is_cut_ends_the_download() {
    let stage = stage("replaced").await;
    let (old, new) = (content(SIZE, 4), content(SIZE, 5));
    let Uploaded::Stored(info) = stage.objects.write(&stage.name, upload(&old, None), None).await.unwrap() else { panic!() };
    stage.line.cut_after(Direction::Down, Some(700_000));
    let mut reading = stage.objects.open(&stage.name, info.generation, 0..info.size).await.unwrap().unwrap();
    let mut came = reading.next().await.unwrap().unwrap().to_vec();
    stage.objects.write(&stage.name, upload(&new, None), None).await.unwrap();
    let mut why = None;
    while let Some(piece) = reading.next().await {
        match piece {
            Ok(piece) => came.extend_from_slice(&piece),
            Err(e) => why = Some(e.to_string()),
        }
    }
    assert!(old.starts_with(&came) && came.len() < SIZE, "{} bytes", came.len());
    let why = why.unwrap();
    assert!(why.contains("a/b`: generation") && why.contains("was replaced while it was read"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_an_error_that_passes() {
    let stage = stage("gone").await;
    stage.line.cut();
    let looked = stage.objects.stat(&stage.name).await.unwrap_err();
    assert!(looked.is_retryable() && looked.to_string().contains("a/b"), "{looked}");
}
