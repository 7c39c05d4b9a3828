//! Tags of exceptions. Their identity is their address.

use crate::module::canonical::{CanonicalType, TypeId};
use crate::module::{FuncType, ValType};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// A tag, shared by all instances that import or export it and by JavaScript.
#[derive(Debug)]
pub struct Tag {
    ty: FuncType,
    canonical: CanonicalType,
    number: Cell<u32>,
}

impl Tag {
    /// A new tag, unlike all others. The type, which has no results, is a group of its own.
    pub fn new(ty: FuncType) -> Rc<Self> {
        Self::of_type(ty.clone(), CanonicalType::of_function(ty))
    }

    /// The same of a type that a module declares.
    pub(super) fn of_type(ty: FuncType, canonical: CanonicalType) -> Rc<Self> {
        Rc::new(Self {
            ty,
            canonical,
            number: Cell::new(0),
        })
    }

    /// Types of an exception's values.
    pub fn params(&self) -> &[ValType] {
        &self.ty.params
    }

    /// Its type, which has no results.
    pub fn ty(&self) -> &FuncType {
        &self.ty
    }

    pub fn type_id(&self) -> TypeId {
        self.canonical.id()
    }

    /// The number by which the host knows it, 0 if it does not.
    pub(super) fn number(&self) -> u32 {
        self.number.get()
    }

    /// 8-byte words of the values of an exception.
    pub(super) fn words(&self) -> usize {
        let words = |ty: &ValType| if *ty == ValType::V128 { 2 } else { 1 };
        self.params().iter().map(words).sum()
    }
}

/// The tags that the host knows, by number.
#[derive(Debug, Default)]
pub struct Tags(RefCell<Vec<Option<Rc<Tag>>>>);

impl Tags {
    /// The tag's number, which it has until it is released; positive.
    pub fn number(&self, tag: &Rc<Tag>) -> u32 {
        if tag.number() == 0 {
            let mut tags = self.0.borrow_mut();
            let free = tags.iter().position(Option::is_none);
            let place = free.unwrap_or(tags.len());
            if place == tags.len() {
                tags.push(None);
            }
            tags[place] = Some(tag.clone());
            tag.number.set(place as u32 + 1);
        }
        tag.number()
    }

    pub fn get(&self, number: u32) -> Option<Rc<Tag>> {
        let tags = self.0.borrow();
        tags.get((number as usize).checked_sub(1)?)?.clone()
    }

    /// Takes the number back; what it named.
    pub fn release(&self, number: u32) -> Option<Rc<Tag>> {
        let place = (number as usize).checked_sub(1)?;
        let tag = self.0.borrow_mut().get_mut(place)?.take()?;
        tag.number.set(0);
        Some(tag)
    }
}
