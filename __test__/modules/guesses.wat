;; Calls by references and through a table whose callees the compiler may guess: few functions of one type.
(module
  (type $f (func (param i32 i32) (result i32)))
  ;; Equal to $f but for its place in a group, so another type.
  (rec (type $other (func (param i32 i32) (result i32))) (type (func)))
  (table $t (export "t") 8 funcref)
  (elem (table $t) (i32.const 0) func $add $xor $wrong)
  (elem declare func $down $up)
  (global $own (mut i32) (i32.const 0))
  (func (export "own") (param i32) (global.set $own (local.get 0)))
  (func $add (export "add") (type $f) (i32.add (i32.add (local.get 0) (local.get 1)) (global.get $own)))
  (func $xor (type $f) (if (result i32) (i32.eqz (local.get 1)) (then (unreachable)) (else (i32.xor (local.get 0) (local.get 1)))))
  (func $wrong (type $other) (i32.const -1))

  ;; Calls the element $i of the table (null if it is none) $n times.
  (func (export "ref") (param $i i32) (param $n i32) (result i32) (local $s i32)
    (loop $l
      (local.set $s (call_ref $f (local.get $s) (local.get $n) (ref.cast (ref null $f) (table.get $t (local.get $i)))))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s))
  (func $tail (type $f)
    (return_call_indirect $t (type $f) (local.get 0) (i32.const 3) (local.get 1)))
  (func (export "indirect") (param $i i32) (param $n i32) (result i32) (local $s i32)
    (loop $l
      (local.set $s (call $tail (local.get $s) (local.get $i)))
      (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
    (local.get $s))
  ;; Each other, as many times as there are.
  (func $down (type $f)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_ref $f (i32.sub (local.get 0) (i32.const 1)) (i32.add (local.get 1) (i32.const 5)) (ref.func $up)))
  (func $up (type $f)
    (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
    (return_call_ref $f (i32.sub (local.get 0) (i32.const 1)) (i32.xor (local.get 1) (i32.const 1)) (ref.func $down)))
  (func (export "turns") (param i32) (result i32) (call $down (local.get 0) (i32.const 0))))
