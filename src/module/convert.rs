//! From the parser's types and constant expressions to those of a module.

use super::canonical::{Group, SubType, TypeId};
use super::error::{DecodeError, Result, position};
use super::supported::NO_HEAP_TYPE;
use super::*;
use hashbrown::hash_map::{Entry, HashMap};
use std::ops::Range;
use wasmparser::{
    AbstractHeapType, CompositeInnerType, ElementItems, ElementKind, Operator, RecGroup,
    TypeSectionReader, UnpackedIndex,
};

/// The value type that the parser read; `id` finds declared types by index. `None` for types of garbage collection.
fn val_type(ty: wasmparser::ValType, id: impl Fn(u32) -> Option<TypeId>) -> Option<ValType> {
    Some(match ty {
        wasmparser::ValType::I32 => ValType::I32,
        wasmparser::ValType::I64 => ValType::I64,
        wasmparser::ValType::F32 => ValType::F32,
        wasmparser::ValType::F64 => ValType::F64,
        wasmparser::ValType::V128 => ValType::V128,
        wasmparser::ValType::Ref(ty) => ValType::Ref(RefType {
            nullable: ty.is_nullable(),
            heap: heap_type(ty.heap_type(), id)?,
        }),
    })
}

fn heap_type(ty: wasmparser::HeapType, id: impl Fn(u32) -> Option<TypeId>) -> Option<HeapType> {
    Some(match ty {
        wasmparser::HeapType::Concrete(UnpackedIndex::Module(index)) => {
            HeapType::Concrete(id(index)?)
        }
        wasmparser::HeapType::Abstract { ty, shared: false } => match ty {
            AbstractHeapType::Func => HeapType::Func,
            AbstractHeapType::NoFunc => HeapType::NoFunc,
            AbstractHeapType::Extern => HeapType::Extern,
            AbstractHeapType::NoExtern => HeapType::NoExtern,
            AbstractHeapType::Exn => HeapType::Exn,
            AbstractHeapType::NoExn => HeapType::NoExn,
            _ => return None,
        },
        _ => return None,
    })
}

/// Does a type of the parser's name others? (Some that are refused count as well.)
fn names_types(ty: &wasmparser::SubType) -> bool {
    let CompositeInnerType::Func(func) = &ty.composite_type.inner else {
        return true;
    };
    let mut values = func.params().iter().chain(func.results());
    !ty.supertype_idxs.is_empty()
        || values.any(|ty| {
            ty.as_reference_type()
                .is_some_and(|ty| ty.is_concrete_type_ref())
        })
}

/// For types that nothing before has refused.
fn unsupported_type(offset: usize) -> DecodeError {
    DecodeError::new(NO_HEAP_TYPE, offset)
}

fn address_type(is_64: bool) -> AddressType {
    match is_64 {
        false => AddressType::I32,
        true => AddressType::I64,
    }
}

pub(super) fn memory_type(ty: &wasmparser::MemoryType) -> MemoryType {
    MemoryType {
        address: address_type(ty.memory64),
        page_bits: ty.page_size_log2.map_or(PAGE_BITS, |bits| bits as u8),
        limits: Limits {
            min: ty.initial,
            max: ty.maximum,
        },
        shared: ty.shared,
    }
}

impl Module {
    fn type_id(&self, index: u32) -> Option<TypeId> {
        Some(self.types.get(index as usize)?.id())
    }

    /// The value type that the parser read in this module; `None` if it is not supported.
    pub(crate) fn value_type(&self, ty: wasmparser::ValType) -> Option<ValType> {
        val_type(ty, |index| self.type_id(index))
    }

    /// The same of a heap type.
    pub(crate) fn heap_type(&self, ty: wasmparser::HeapType) -> Option<HeapType> {
        heap_type(ty, |index| self.type_id(index))
    }

    fn known_type(&self, ty: wasmparser::ValType, offset: usize) -> Result<ValType> {
        self.value_type(ty).ok_or_else(|| unsupported_type(offset))
    }

    /// Takes over a type section. Some modules declare few types, each of them a thousand times: those that name no
    /// others are looked up in the process once.
    pub(super) fn add_types(&mut self, section: TypeSectionReader<'_>) -> Result<()> {
        let mut known: HashMap<RecGroup, Range<usize>> = HashMap::new();
        for group in section {
            let group = group?;
            if group.types().any(names_types) {
                self.add_group(group)?;
                continue;
            }
            let first = self.types.len();
            match known.entry(group) {
                Entry::Occupied(known) => self.types.extend_from_within(known.get().clone()),
                Entry::Vacant(unknown) => {
                    self.add_group(unknown.key().clone())?;
                    unknown.insert(first..self.types.len());
                }
            }
        }
        Ok(())
    }

    /// Takes over a recursion group.
    fn add_group(&mut self, group: RecGroup) -> Result<()> {
        let first = self.types.len() as u32;
        let id = |index: u32| match index.checked_sub(first) {
            Some(position) => Some(TypeId::own(position)),
            None => self.type_id(index),
        };
        let list = |types: &[wasmparser::ValType], offset: usize| {
            types
                .iter()
                .map(|ty| val_type(*ty, id).ok_or_else(|| unsupported_type(offset)))
                .collect::<Result<_>>()
        };
        let types = group.into_types_and_offsets().map(|(offset, ty)| {
            let offset = position(offset);
            let kind = match &ty.composite_type.inner {
                CompositeInnerType::Func(func) => {
                    let supertype = ty.supertype_idxs.first().map(|index| index.unpack());
                    return Ok(SubType {
                        is_final: ty.is_final,
                        supertype: supertype.and_then(|index| id(index.as_module_index()?)),
                        func: FuncType {
                            params: list(func.params(), offset)?,
                            results: list(func.results(), offset)?,
                        },
                    });
                }
                CompositeInnerType::Struct(_) => "struct",
                CompositeInnerType::Array(_) => "array",
                CompositeInnerType::Cont(_) => "continuation",
            };
            let message = format!("{kind} indexed types not supported without the gc feature");
            Err(DecodeError::new(message, offset))
        });
        let group = Group::of(types.collect::<Result<_>>()?);
        self.types.extend(group.canonical_types());
        Ok(())
    }

    pub(super) fn table_type(
        &self,
        ty: &wasmparser::TableType,
        offset: usize,
    ) -> Result<TableType> {
        Ok(TableType {
            element: self.known_type(ty.element_type.into(), offset)?,
            address: address_type(ty.table64),
            limits: Limits {
                min: ty.initial,
                max: ty.maximum,
            },
        })
    }

    pub(super) fn global_type(
        &self,
        ty: &wasmparser::GlobalType,
        offset: usize,
    ) -> Result<GlobalType> {
        Ok(GlobalType {
            value: self.known_type(ty.content_type, offset)?,
            mutable: ty.mutable,
        })
    }

    pub(super) fn element_segment(
        &self,
        element: wasmparser::Element<'_>,
        offset: usize,
    ) -> Result<ElementSegment> {
        let mode = match element.kind {
            ElementKind::Passive => SegmentMode::Passive,
            ElementKind::Declared => SegmentMode::Declared,
            ElementKind::Active {
                table_index,
                offset_expr,
            } => SegmentMode::Active(Place {
                index: table_index.unwrap_or(0),
                offset: const_expr(&offset_expr)?,
            }),
        };
        let (ty, items) = match element.items {
            ElementItems::Functions(functions) => {
                let items = functions
                    .into_iter()
                    .map(|index| Ok(ConstExpr::RefFunc(index?)))
                    .collect::<Result<_>>()?;
                (ValType::FUNCREF, items)
            }
            ElementItems::Expressions(ty, expressions) => {
                let ty = self.known_type(ty.into(), offset)?;
                let items = expressions
                    .into_iter()
                    .map(|e| const_expr(&e?))
                    .collect::<Result<_>>()?;
                (ty, items)
            }
        };
        Ok(ElementSegment { ty, mode, items })
    }
}

const I32_CONST: u8 = 0x41;
const END: u8 = 0x0b;

/// A constant expression, which the validator has seen.
pub(super) fn const_expr(expression: &wasmparser::ConstExpr<'_>) -> Result<ConstExpr> {
    // What most places in memory are; programs have a hundred thousand of them.
    let mut reader = expression.get_binary_reader();
    if reader.read_u8()? == I32_CONST {
        let value = reader.read_var_i32()?;
        if reader.read_u8()? == END {
            return Ok(ConstExpr::I32(value));
        }
    }
    let mut operators = expression.get_operators_reader();
    let (operator, offset) = operators.read_with_offset()?;
    let first = const_operator(operator, offset)?;
    let (operator, offset) = operators.read_with_offset()?;
    if matches!(operator, Operator::End) {
        return Ok(first);
    }
    let mut list = vec![ConstOp::Push(first), const_op(operator, offset)?];
    loop {
        let (operator, offset) = operators.read_with_offset()?;
        if matches!(operator, Operator::End) {
            return Ok(ConstExpr::Extended(list.into()));
        }
        list.push(const_op(operator, offset)?);
    }
}

fn const_op(operator: Operator<'_>, offset: u64) -> Result<ConstOp> {
    Ok(match operator {
        Operator::I32Add => ConstOp::I32(ConstBinary::Add),
        Operator::I32Sub => ConstOp::I32(ConstBinary::Sub),
        Operator::I32Mul => ConstOp::I32(ConstBinary::Mul),
        Operator::I64Add => ConstOp::I64(ConstBinary::Add),
        Operator::I64Sub => ConstOp::I64(ConstBinary::Sub),
        Operator::I64Mul => ConstOp::I64(ConstBinary::Mul),
        _ => ConstOp::Push(const_operator(operator, offset)?),
    })
}

fn const_operator(operator: Operator<'_>, offset: u64) -> Result<ConstExpr> {
    Ok(match operator {
        Operator::I32Const { value } => ConstExpr::I32(value),
        Operator::I64Const { value } => ConstExpr::I64(value),
        Operator::F32Const { value } => ConstExpr::F32(value.bits()),
        Operator::F64Const { value } => ConstExpr::F64(value.bits()),
        Operator::V128Const { value } => ConstExpr::V128(*value.bytes()),
        Operator::RefNull { hty } => {
            if !supported::is_supported_heap_type(hty) {
                return Err(unsupported_type(position(offset)));
            }
            ConstExpr::RefNull
        }
        Operator::RefFunc { function_index } => ConstExpr::RefFunc(function_index),
        Operator::GlobalGet { global_index } => ConstExpr::GlobalGet(global_index),
        _ => {
            return Err(DecodeError::new(
                "unsupported constant expression",
                position(offset),
            ));
        }
    })
}
