//! Damage to the files of a JetStream store, as a disk, a cable or a person does it.

use std::fs;
use std::path::{Path, PathBuf};

/// Where a message lies in a block: length, sequence, time, subject, headers, payload, checksum.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    from: usize,
    length: usize,
    pub sequence: u64,
}

/// A field of a stored message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    Length,
    Sequence,
    Payload,
    Checksum,
}

/// The blocks of a stream, oldest first.
pub fn blocks(stream: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(stream.join("msgs")).unwrap().map(|it| it.unwrap().path());
    let number = |it: &PathBuf| it.file_stem().unwrap().to_str().unwrap().parse::<u64>();
    let mut blocks: Vec<_> =
        files.filter(|it| it.extension().is_some_and(|it| it == "blk")).collect();
    blocks.sort_by_key(|it| number(it).unwrap());
    blocks
}

/// The messages of a block.
pub fn places(block: &Path) -> Vec<Place> {
    let bytes = fs::read(block).unwrap();
    let (mut from, mut places) = (0, vec![]);
    while let Some(head) = bytes.get(from..from + 12) {
        let length = u32::from_le_bytes(head[..4].try_into().unwrap()) & 0x7fff_ffff;
        let sequence = u64::from_le_bytes(head[4..].try_into().unwrap());
        let length = length as usize;
        assert!(length > 30 && from + length <= bytes.len(), "{block:?} is not a block");
        places.push(Place { from, length, sequence });
        from += length;
    }
    places
}

/// Flips one bit of a message.
pub fn flip(stream: &Path, sequence: u64, field: Field) {
    let found = blocks(stream).into_iter().find_map(|block| {
        let place = places(&block).into_iter().find(|it| it.sequence == sequence)?;
        Some((block, place))
    });
    let (block, place) = found.expect("a message of this sequence");
    let end = place.from + place.length;
    flip_byte(
        &block,
        match field {
            Field::Length => place.from,
            Field::Sequence => place.from + 4,
            Field::Payload => end - 60,
            Field::Checksum => end - 4,
        },
    );
}

/// Flips the lowest bit of a byte.
pub fn flip_byte(file: &Path, at: usize) {
    let mut bytes = fs::read(file).unwrap();
    bytes[at] ^= 1;
    fs::write(file, bytes).unwrap();
}

/// Flips a bit in the middle of a file.
pub fn flip_middle(file: &Path) {
    flip_byte(file, fs::metadata(file).unwrap().len() as usize / 2);
}

/// Cuts the newest block short, and gives back the first sequence that is not whole any more.
pub fn cut(stream: &Path, bytes: u64) -> u64 {
    let block = blocks(stream).pop().unwrap();
    let length = fs::metadata(&block).unwrap().len() - bytes;
    let first = first_beyond(&block, length);
    fs::File::options().write(true).open(&block).unwrap().set_len(length).unwrap();
    first
}

/// Writes zeros over the end of the newest block, and gives back the first sequence that is hit.
pub fn zeros(stream: &Path, bytes: u64) -> u64 {
    let block = blocks(stream).pop().unwrap();
    let mut content = fs::read(&block).unwrap();
    let from = content.len() as u64 - bytes;
    let first = first_beyond(&block, from);
    content[from as usize..].fill(0);
    fs::write(&block, content).unwrap();
    first
}

fn first_beyond(block: &Path, length: u64) -> u64 {
    let beyond = |it: &&Place| (it.from + it.length) as u64 > length;
    places(block).iter().find(beyond).unwrap().sequence
}

/// Removes a block, and gives back the first sequence that was in it.
pub fn remove_block(stream: &Path, which: usize) -> u64 {
    let block = blocks(stream).swap_remove(which);
    let first = places(&block)[0].sequence;
    fs::remove_file(block).unwrap();
    first
}
