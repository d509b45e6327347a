//! `download-cloud-storage-file`: a file there and back, verified by its crc32c.

use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::call::{Body, Call};
use super::device::Device;
use super::flags::{Common, DeviceFlags};
use super::print;
use super::run::Run;
use super::token;
use super::urls::Api;
use crate::error::usage;
use crate::table;

const SCOPE: &str = "https://www.googleapis.com/auth/devstorage.full_control";
/// Bytes read at once for the checksum.
const READ_BYTES: usize = 64 * 1024;

pub(super) const EXAMPLES: &str = "Examples:
  export DRAWBRIDGE_REGION=europe-west1 DRAWBRIDGE_REGISTRY=my-registry DRAWBRIDGE_DEVICE=my-device
  export DRAWBRIDGE_PRIVATE_KEY_FILE=device.key.pem
  drawbridge download-cloud-storage-file --bucket_name=my-bucket --data_path=logo.png
  drawbridge download-cloud-storage-file --bucket_name=my-bucket --data_path=logo.png \\
    --object_name=pictures/logo.png --output=copy.png

The object stays in the bucket. At Google the bucket must be there, and the device's principal needs
roles/storage.objectUser on it. For files that resume on a bad line: `drawbridge-shim download`.";

#[derive(Debug, clap::Args)]
pub(crate) struct Transfer {
    #[command(flatten)]
    device: DeviceFlags,
    /// The bucket.
    #[arg(long, value_name = "BUCKET")]
    bucket_name: String,
    /// The file to upload.
    #[arg(long, value_name = "FILE")]
    data_path: PathBuf,
    /// The name of the object in the bucket.
    #[arg(long, value_name = "NAME", default_value = "testFile.ext")]
    object_name: String,
    /// Keep what was downloaded in this file; without, it is verified and dropped.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    common: Common,
}

impl Transfer {
    pub(crate) fn run(self) -> Result<()> {
        let (run, profile) = Run::open(self.common)?;
        let device = Device::read(self.device, &profile)?;
        let crc = if run.sender().is_some() { crc_of(&self.data_path)? } else { 0 };
        let (access_token, _) = token::of_device(&run, &device, SCOPE)?;
        let mut url = run.url(Api::Storage, &["upload", "storage", "v1", "b", &self.bucket_name, "o"]);
        url.query_pairs_mut().append_pair("uploadType", "media").append_pair("name", &self.object_name);
        let upload = run.send(&Call::post(Api::Storage, url, &access_token, Body::File(self.data_path.clone())))?;
        let mut url = run.url(Api::Storage, &["storage", "v1", "b", &self.bucket_name, "o", &self.object_name]);
        url.query_pairs_mut().append_pair("alt", "media");
        let call = Call::get(Api::Storage, url, &access_token);
        let Some(sender) = run.sender() else {
            let to = self.output.as_deref().map_or("/dev/null".into(), |path| path.display().to_string());
            return table::print(&print::download(&call, &to));
        };
        let mut sink = Sink::open(self.output.as_deref())?;
        let hashes = sender.download(&call, |bytes| sink.take(bytes))?;
        sink.finish(crc, &hashes)?;
        let object = format!("gs://{}/{}", self.bucket_name, self.object_name);
        let place = self.output.as_deref().map(|path| format!(" It is in {}.", path.display())).unwrap_or_default();
        let text = format!(
            "Uploaded {} as {object}, downloaded it again: {} bytes, crc32c {} is right.{place}",
            self.data_path.display(),
            sink.bytes,
            coded(crc)
        );
        run.show(&json!({ "object": upload, "bytes": sink.bytes, "crc32c": coded(crc) }), &text)
    }
}

/// As Cloud Storage writes it: big-endian, base64.
fn coded(crc: u32) -> String {
    STANDARD.encode(crc.to_be_bytes())
}

fn crc_of(path: &Path) -> Result<u32> {
    let unreadable = |e: std::io::Error| usage(format!("--data_path {}: {e}", path.display()));
    let mut file = BufReader::with_capacity(READ_BYTES, File::open(path).map_err(unreadable)?);
    let (mut crc, mut part) = (0, vec![0; READ_BYTES]);
    loop {
        match file.read(&mut part).map_err(unreadable)? {
            0 => return Ok(crc),
            n => crc = crc32c::crc32c_append(crc, &part[..n]),
        }
    }
}

/// Where the download goes: beside the file until it is verified.
struct Sink<'a> {
    to: Option<(&'a Path, PathBuf, BufWriter<File>)>,
    crc: u32,
    bytes: u64,
}

impl<'a> Sink<'a> {
    fn open(to: Option<&'a Path>) -> Result<Self> {
        let to = to.map(|path| {
            let mut part = path.as_os_str().to_owned();
            part.push(".part");
            let part = PathBuf::from(part);
            let file = File::create(&part).map_err(|e| usage(format!("--output {}: {e}", part.display())))?;
            Ok::<_, anyhow::Error>((path, part, BufWriter::new(file)))
        });
        Ok(Self { to: to.transpose()?, crc: 0, bytes: 0 })
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        self.crc = crc32c::crc32c_append(self.crc, bytes);
        self.bytes += bytes.len() as u64;
        self.to.as_mut().map_or(Ok(()), |(_, part, file)| file.write_all(bytes).with_context(|| format!("writing {}", part.display())))
    }

    /// Shows the file under its name if it is what was uploaded, and what Cloud Storage says it is.
    fn finish(&mut self, uploaded: u32, hashes: &[String]) -> Result<()> {
        let told = hashes.iter().find_map(|hash| hash.strip_prefix("crc32c="));
        let right = told.is_none_or(|told| told == coded(self.crc)) && self.crc == uploaded;
        let to = self.to.take();
        if !right {
            if let Some((_, part, _)) = to {
                let _gone = fs::remove_file(part);
            }
            let told = told.unwrap_or("nothing");
            bail!(
                "what was downloaded is not what was uploaded: crc32c {} of {} bytes; the file's is {}, x-goog-hash says {told}\nnothing is kept; does somebody else write this object?",
                coded(self.crc),
                self.bytes,
                coded(uploaded)
            );
        }
        let Some((path, part, mut file)) = to else { return Ok(()) };
        let kept = file.flush().and_then(|()| file.get_ref().sync_all()).and_then(|()| fs::rename(&part, path));
        kept.with_context(|| format!("writing {}", path.display()))
    }
}
