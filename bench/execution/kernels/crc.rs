//! Hashing by table: CRC-32, eight bytes at a time, and FNV.

#[unsafe(no_mangle)]
pub extern "C" fn run(seed: u32) -> u32 {
    let mut table = vec![[0u32; 256]; 8];
    for i in 0..256 {
        table[0][i] = (0..8).fold(i as u32, |c, _| {
            if c & 1 != 0 {
                c >> 1 ^ 0xedb8_8320
            } else {
                c >> 1
            }
        });
    }
    for k in 1..8 {
        for i in 0..256 {
            let before = table[k - 1][i];
            table[k][i] = before >> 8 ^ table[0][(before & 255) as usize];
        }
    }
    let data: Vec<u8> = (0..1u32 << 20)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 11) as u8)
        .collect();
    let mut crc = !seed;
    let mut fnv = 0xcbf2_9ce4_8422_2325u64;
    for _ in 0..130 {
        for chunk in data.chunks_exact(8) {
            let low = crc ^ u32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]);
            let at = |k: usize, x: u32| table[k][(x & 255) as usize];
            crc = at(7, low) ^ at(6, low >> 8) ^ at(5, low >> 16) ^ at(4, low >> 24);
            crc ^= at(3, chunk[4].into())
                ^ at(2, chunk[5].into())
                ^ at(1, chunk[6].into())
                ^ at(0, chunk[7].into());
        }
        for byte in &data[..1 << 18] {
            fnv = (fnv ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
    crc ^ fnv as u32 ^ (fnv >> 32) as u32
}
