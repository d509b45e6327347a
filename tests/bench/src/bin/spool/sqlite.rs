//! SQLite as a queue: a row a payload, WAL, synchronous FULL, one transaction a commit.

use std::fs;
use std::path::Path;

use anyhow::Result;
use device_shim::spool::Reading;
use rusqlite::{Connection, params};

use crate::store::{SAVE_EVERY, Store};

pub(crate) struct Sqlite {
    connection: Connection,
    drained: i64,
    unsaved: u64,
}

impl Sqlite {
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let connection = Connection::open(dir.join("queue.db"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute("CREATE TABLE IF NOT EXISTS queue (place INTEGER PRIMARY KEY, payload BLOB NOT NULL)", [])?;
        Ok(Self { connection, drained: 0, unsaved: 0 })
    }

    fn read(&self, count: usize) -> Result<Vec<(i64, Vec<u8>)>> {
        let sql = "SELECT place, payload FROM queue WHERE place > ?1 ORDER BY place LIMIT ?2";
        let mut query = self.connection.prepare_cached(sql)?;
        let rows = query.query_map(params![self.drained, count as i64], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }
}

impl Store for Sqlite {
    fn commit(&mut self, group: &[Reading]) -> Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached("INSERT INTO queue (payload) VALUES (?1)")?;
            for Reading { payload, .. } in group {
                insert.execute([&payload[..]])?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn drain(&mut self, count: usize) -> Result<u64> {
        let found = self.read(count)?;
        self.drained = found.last().map_or(self.drained, |(place, _)| *place);
        self.unsaved += found.len() as u64;
        if self.unsaved >= SAVE_EVERY {
            self.unsaved = 0;
            self.connection.execute("DELETE FROM queue WHERE place <= ?1", [self.drained])?;
        }
        Ok(found.len() as u64)
    }

    fn first(&mut self) -> Result<bool> {
        Ok(!self.read(1)?.is_empty())
    }
}
