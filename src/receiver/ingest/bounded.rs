//! An array that keeps a bounded number of elements and counts all of them, so that a payload with too many is rejected
//! before they take memory.

use crate::receiver::limits::BATCH_ROWS_MAX;
use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::marker::PhantomData;

/// The first [`BATCH_ROWS_MAX`] elements of an array, and the number of all.
pub struct BoundedArray<T> {
    pub first: Vec<T>,
    pub count: usize,
}

impl<T> Default for BoundedArray<T> {
    fn default() -> BoundedArray<T> {
        BoundedArray { first: Vec::new(), count: 0 }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for BoundedArray<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ArrayVisitor(PhantomData))
    }
}

struct ArrayVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ArrayVisitor<T> {
    type Value = BoundedArray<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<BoundedArray<T>, A::Error> {
        let mut array = BoundedArray::default();
        while array.first.len() < BATCH_ROWS_MAX {
            let Some(element) = elements.next_element()? else { break };
            array.first.push(element);
        }
        array.count = array.first.len();
        while elements.next_element::<IgnoredAny>()?.is_some() {
            array.count += 1;
        }
        Ok(array)
    }
}
