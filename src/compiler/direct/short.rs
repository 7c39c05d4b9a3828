//! Instructions on the frame, whose displacements take a byte where they fit, as most do. dynasm takes four for every number
//! that it does not know.

/// `op target, [rsp + place]`
macro_rules! from_frame {
    ($asm:expr, $op:ident $target:ident $(($number:expr))?, $place:expr) => {
        match i8::try_from($place) {
            Ok(near) => dynasm!($asm ; .arch x64 ; $op $target $(($number))?, [BYTE rsp + near]),
            Err(_) => dynasm!($asm ; .arch x64 ; $op $target $(($number))?, [rsp + $place]),
        }
    };
}

/// `op [rsp + place], source`
macro_rules! to_frame {
    ($asm:expr, $op:ident $size:ident $place:ident, $($source:tt)+) => {
        match i8::try_from($place) {
            Ok(near) => dynasm!($asm ; .arch x64 ; $op $size [BYTE rsp + near], $($source)+),
            Err(_) => dynasm!($asm ; .arch x64 ; $op $size [rsp + $place], $($source)+),
        }
    };
}
