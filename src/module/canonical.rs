//! Canonical types. Each recursion group of any module is there once in the process, so that types are the same
//! exactly if their ids are, in all modules and threads. A group is freed with the last user of its types.

use super::{FuncType, HeapType, RefType, ValType};
use hashbrown::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock, Weak};

/// What names a type in this process, as long as somebody has its [`CanonicalType`]. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TypeId(u32);

/// In the ids by which types of a group name one another before the group is known: they are positions.
const OWN: u32 = 1 << 31;

impl TypeId {
    /// The type at this position of the group that is being declared.
    pub(super) fn own(position: u32) -> Self {
        Self(position | OWN)
    }

    /// Its number; only for compares, and to name it in [`CanonicalType::of`].
    pub fn number(self) -> u32 {
        self.0
    }

    fn position(self) -> Option<usize> {
        (self.0 & OWN != 0).then_some((self.0 & !OWN) as usize)
    }

    /// The id that it stands for in a group whose types have these.
    fn resolve(self, ids: &[Self]) -> Self {
        let own = self.position().and_then(|position| ids.get(position));
        own.copied().unwrap_or(self)
    }
}

/// A type as a module declares it. Structures and arrays would stand beside `func`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SubType {
    pub is_final: bool,
    pub supertype: Option<TypeId>,
    pub func: FuncType,
}

impl SubType {
    /// The types that it names.
    fn references(&self) -> impl Iterator<Item = TypeId> + '_ {
        let values = self.func.params.iter().chain(&self.func.results);
        self.supertype
            .into_iter()
            .chain(values.filter_map(|ty| ty.concrete()))
    }
}

/// A recursion group.
#[derive(Debug)]
pub struct Group {
    /// Its types in the order of their declaration, naming one another by position.
    types: Arc<[SubType]>,
    /// The same, naming one another by ids.
    funcs: Box<[FuncType]>,
    ids: Box<[TypeId]>,
    /// The other groups that it names.
    others: Vec<Arc<Group>>,
}

/// A type that keeps its id while this lives.
#[derive(Clone, Debug)]
pub struct CanonicalType {
    group: Arc<Group>,
    position: u32,
}

#[derive(Default)]
struct Registry {
    groups: HashMap<Arc<[SubType]>, Weak<Group>>,
    /// By id.
    types: Vec<Entry>,
    free: Vec<TypeId>,
}

#[derive(Default)]
struct Entry {
    group: Weak<Group>,
    position: u32,
    supertype: Option<TypeId>,
}

static REGISTRY: LazyLock<RwLock<Registry>> = LazyLock::new(Default::default);

fn read<R>(f: impl FnOnce(&Registry) -> R) -> R {
    f(&REGISTRY.read().unwrap_or_else(PoisonError::into_inner))
}

fn write<R>(f: impl FnOnce(&mut Registry) -> R) -> R {
    f(&mut REGISTRY.write().unwrap_or_else(PoisonError::into_inner))
}

impl Registry {
    fn new_id(&mut self) -> TypeId {
        self.free.pop().unwrap_or_else(|| {
            if self.types.is_empty() {
                self.types.push(Entry::default());
            }
            self.types.push(Entry::default());
            TypeId(self.types.len() as u32 - 1)
        })
    }

    fn entry(&self, id: TypeId) -> Option<&Entry> {
        self.types.get(id.0 as usize)
    }

    fn add(&mut self, types: Arc<[SubType]>) -> Arc<Group> {
        let ids: Box<[TypeId]> = types.iter().map(|_| self.new_id()).collect();
        let named = types.iter().flat_map(SubType::references);
        let groups = named.filter_map(|id| self.entry(id)?.group.upgrade());
        let mut others: Vec<_> = groups.collect();
        others.sort_unstable_by_key(Arc::as_ptr);
        others.dedup_by(|a, b| Arc::ptr_eq(a, b));
        let group = Arc::new(Group {
            funcs: types.iter().map(|ty| resolved(&ty.func, &ids)).collect(),
            types: types.clone(),
            ids,
            others,
        });
        for (position, (ty, id)) in (0..).zip(types.iter().zip(&group.ids)) {
            self.types[id.0 as usize] = Entry {
                group: Arc::downgrade(&group),
                position,
                supertype: ty.supertype.map(|id| id.resolve(&group.ids)),
            };
        }
        self.groups.insert(types, Arc::downgrade(&group));
        group
    }
}

/// A function type of a group, now with ids.
fn resolved(func: &FuncType, ids: &[TypeId]) -> FuncType {
    let resolved = |types: &[ValType]| {
        let types = types.iter().map(|ty| match *ty {
            ValType::Ref(RefType {
                nullable,
                heap: HeapType::Concrete(id),
            }) => ValType::Ref(RefType {
                nullable,
                heap: HeapType::Concrete(id.resolve(ids)),
            }),
            ty => ty,
        });
        types.collect()
    };
    FuncType {
        params: resolved(&func.params),
        results: resolved(&func.results),
    }
}

impl Group {
    /// The group of these types, which name one another by [`TypeId::own`] and all others by ids that the caller
    /// keeps.
    pub(super) fn of(types: Arc<[SubType]>) -> Arc<Self> {
        write(|registry| {
            let known = registry.groups.get(&types).and_then(Weak::upgrade);
            known.unwrap_or_else(|| registry.add(types))
        })
    }

    pub(super) fn canonical_types(self: &Arc<Self>) -> impl Iterator<Item = CanonicalType> + '_ {
        (0..self.ids.len() as u32).map(|position| CanonicalType {
            group: self.clone(),
            position,
        })
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        write(|registry| {
            // Another thread may have found this group gone and made it anew.
            let mine = |group: &Weak<Group>| std::ptr::eq(group.as_ptr(), self);
            if registry.groups.get(&self.types).is_some_and(mine) {
                registry.groups.remove(&self.types);
            }
            for id in &self.ids {
                registry.types[id.0 as usize] = Entry::default();
                registry.free.push(*id);
            }
        });
        // A guest decides how long chains of groups are, so they are no recursion.
        let mut others = std::mem::take(&mut self.others);
        while let Some(group) = others.pop() {
            if let Some(mut group) = Arc::into_inner(group) {
                others.append(&mut group.others);
            }
        }
    }
}

impl CanonicalType {
    /// A final function type that is a group of its own.
    pub fn of_function(func: FuncType) -> Self {
        let ty = SubType {
            is_final: true,
            supertype: None,
            func,
        };
        Self {
            group: Group::of([ty].into()),
            position: 0,
        }
    }

    /// The type that has this number now, if there is one.
    pub fn of_number(number: u32) -> Option<Self> {
        let id = TypeId(number);
        read(|registry| {
            let entry = registry.entry(id)?;
            Some(Self {
                group: entry.group.upgrade()?,
                position: entry.position,
            })
        })
    }

    /// The type that a value type names, if it names one.
    pub fn of_value_type(ty: ValType) -> Option<Self> {
        Self::of_number(ty.concrete()?.number())
    }

    /// What functions of this type take and return.
    pub fn func(&self) -> &FuncType {
        &self.group.funcs[self.position as usize]
    }

    pub fn id(&self) -> TypeId {
        self.group.ids[self.position as usize]
    }

    /// Is it certain that there are no subtypes?
    pub fn is_final(&self) -> bool {
        self.group.types[self.position as usize].is_final
    }
}

/// Is the type of number `sub`, if there is one, that of number `of` or declared as a subtype of it?
pub fn is_subtype(sub: u32, of: u32) -> bool {
    if sub == of {
        return sub != 0;
    }
    read(|registry| {
        let supertype = |id| registry.entry(TypeId(id))?.supertype;
        let mut supertypes = std::iter::successors(supertype(sub), |id| supertype(id.0));
        supertypes.any(|id| id.0 == of)
    })
}

#[cfg(test)]
mod tests {
    use super::super::Module;
    use super::*;

    fn types(text: &str) -> Vec<CanonicalType> {
        let module = Module::decode(wat::parse_str(text).unwrap()).unwrap();
        module.types
    }

    fn ids(types: &[CanonicalType]) -> Vec<TypeId> {
        types.iter().map(CanonicalType::id).collect()
    }

    #[test]
    fn equal_groups_have_equal_ids_in_all_modules() {
        let text =
            "(module (rec (type $a (func (param (ref $b)))) (type $b (func (param (ref $a)))))
            (type $c (func (result (ref null $b)))) (type $d (func (result (ref null $b)))))";
        let (first, second) = (types(text), types(text));
        assert_eq!(ids(&first), ids(&second));
        let [a, b, c, d] = ids(&first)[..] else {
            panic!("four types")
        };
        // The same but for their places in the group are not the same.
        assert_ne!(a, b);
        assert_eq!(c, d);
        // Nor is one that is a group of its own.
        let other = types("(module (type $a (func (param (ref $a)))))");
        assert!(!ids(&first).contains(&other[0].id()));
        let number = types("(module (type (func (param f32 v128))))");
        let func = FuncType {
            params: [ValType::F32, ValType::V128].into(),
            results: [].into(),
        };
        assert_eq!(CanonicalType::of_function(func).id(), number[0].id());
    }

    #[test]
    fn repeated_declarations_are_the_same_unless_their_indices_mean_others() {
        let types = types(
            "(module (type (func (param i32))) (type (func (param (ref 1)))) (type (func (param i32)))
                (rec (type (func (param i32))) (type (func))) (type (func (param (ref 1))))
                (rec (type (func (param i32))) (type (func))) (type (func (param i32))))",
        );
        let [i, itself, i2, first, second, other, first2, second2, i3] = ids(&types)[..] else {
            panic!("nine types")
        };
        assert_eq!((i, i, first, second), (i2, i3, first2, second2));
        assert_ne!(i, first);
        assert_ne!(itself, other);
        let i32s = |ty: &CanonicalType| *ty.func().params == [ValType::I32];
        let with_i32 = [0, 2, 3, 6, 8];
        assert!((0..9).all(|k| i32s(&types[k]) == with_i32.contains(&k)));
    }

    #[test]
    fn declared_supertypes_are_known() {
        let types = types(
            "(module (type $a (sub (func))) (type $b (sub $a (func))) (type $c (sub final $b (func)))
                (type $d (sub $a (func (param)))) (type $e (func)))",
        );
        let [a, b, c, d, e] = ids(&types)[..] else {
            panic!("five types")
        };
        assert_eq!(b, d);
        for (sub, of) in [(a, a), (b, a), (c, b), (c, a), (e, e)] {
            assert!(is_subtype(sub.number(), of.number()), "{sub:?} {of:?}");
        }
        for (sub, of) in [(a, b), (b, c), (e, a), (a, e)] {
            assert!(!is_subtype(sub.number(), of.number()), "{sub:?} {of:?}");
        }
        assert!(!is_subtype(0, a.number()));
        assert!(!is_subtype(0, 0));
        assert!(types[2].is_final() && types[4].is_final() && !types[0].is_final());
    }

    #[test]
    fn groups_are_freed_with_their_last_user() {
        // A chain as long as a module may make it, kept by its end alone.
        let chain: String = (1..20_000)
            .map(|i| format!("(type (func (param i64 f32 (ref {}))))", i - 1))
            .collect();
        let mut types = types(&format!(
            "(module (type (func (param f32 i64 f32))) {chain})"
        ));
        let groups: Vec<Weak<Group>> = types.iter().map(|ty| Arc::downgrade(&ty.group)).collect();
        let alive = || groups.iter().filter(|group| group.strong_count() > 0);
        let last = types.pop();
        drop(types);
        assert_eq!(alive().count(), 20_000);
        drop(last);
        assert_eq!(alive().count(), 0);
    }
}
