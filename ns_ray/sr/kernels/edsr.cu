// EDSR in four kernels, for tensor cores from compute capability 7.5 on. Compiled when an engine starts, with
// FEATURES, SCALE and the tiling as macros; tests run the same source on a CPU (tests/sr/emulator.cpp).
//
// Activations lie in memory as (row, column, channel) halves. A block of threads owns a strip of columns and walks down
// it: rows stream through a ring in shared memory, and each warp keeps its weights in registers all the way. A row that
// was read from shared memory once serves the three output rows that it reaches, in rotating sums.
//
// Fragments are those of mma.m16n8k16: 16 pixels of a row by 16 channels, times 16 by 8 weights. `group` is lane / 4 (a
// pixel, and 8 further the second), `member` is lane % 4 (two neighbouring columns of each 8).

#ifndef EMULATED
#define DEVICE __device__ __forceinline__
#define KERNEL(threads, blocks) extern "C" __global__ void __launch_bounds__(threads, blocks)
#define UNROLL _Pragma("unroll")
#define ROLLED _Pragma("unroll 1")
extern __shared__ __align__(128) unsigned char shared[];

typedef unsigned short half_bits;

DEVICE unsigned shared_address(unsigned offset) { return (unsigned)__cvta_generic_to_shared(shared) + offset; }

DEVICE void synchronise() { __syncthreads(); }

// Four 8x8 matrices of halves; every lane names one row of 16 bytes.
DEVICE void load_matrices(unsigned (&a)[4], unsigned offset) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(a[0]), "=r"(a[1]), "=r"(a[2]), "=r"(a[3])
                 : "r"(shared_address(offset))
                 : "memory");
}

DEVICE void multiply(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
#if __CUDA_ARCH__ >= 800
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
        "{%0, %1, %2, %3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
    UNROLL for (int half = 0; half < 2; half++)
        asm("mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5}, {%6}, {%0, %1, %2, %3};"
            : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
            : "r"(a[2 * half]), "r"(a[2 * half + 1]), "r"(b[half]));
#endif
}

DEVICE unsigned pack(float low, float high) {
    unsigned word;
#if __CUDA_ARCH__ >= 800
    asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
#else
    asm("{ .reg .f16 l, h; cvt.rn.f16.f32 l, %1; cvt.rn.f16.f32 h, %2; mov.b32 %0, {l, h}; }"
        : "=r"(word) : "f"(low), "f"(high));
#endif
    return word;
}

// The same of the positive parts.
DEVICE unsigned pack_positive(float low, float high) {
#if __CUDA_ARCH__ >= 800
    unsigned word;
    asm("cvt.rn.relu.f16x2.f32 %0, %1, %2;" : "=r"(word) : "f"(high), "f"(low));
    return word;
#else
    return pack(low > 0.0f ? low : 0.0f, high > 0.0f ? high : 0.0f);
#endif
}

DEVICE unsigned add_pairs(unsigned a, unsigned b) {
    unsigned word;
    asm("add.rn.f16x2 %0, %1, %2;" : "=r"(word) : "r"(a), "r"(b));
    return word;
}

// Rounded and clamped.
DEVICE unsigned char to_byte(float value) {
    unsigned whole;
    asm("cvt.rni.sat.u8.f32 %0, %1;" : "=r"(whole) : "f"(value));
    return (unsigned char)whole;
}

// 16 bytes from memory into shared memory, zeros where `inside` is false; there after wait_for_copies().
DEVICE void copy(unsigned offset, const void *source, bool inside) {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;"
                 :: "r"(shared_address(offset)), "l"(source), "r"(inside ? 16 : 0) : "memory");
#else
    *(uint4 *)(shared + offset) = inside ? __ldg((const uint4 *)source) : make_uint4(0, 0, 0, 0);
#endif
}

DEVICE void wait_for_copies() {
#if __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}
#endif

constexpr int F = FEATURES, S = SCALE;
constexpr int PIXEL = 2 * F;   // bytes
constexpr int CHUNKS = F / 8;  // 16 bytes each
constexpr int STEPS = F / 16;  // multiplications along the channels
constexpr int COLUMNS = F / 8; // multiplications across the output channels
constexpr int CONVOLUTION = 9 * STEPS * COLUMNS * 64; // words of weights, F to F channels

static_assert(F == 16 || F == 32, "other widths do not fit the registers");

// A lane's share of a pixel's channels.
struct alignas(F / 2) Channels {
    unsigned pair[F / 8];
};

DEVICE int smaller(int a, int b) { return a < b ? a : b; }

// A lane's share of 16 by 8 weights.
struct alignas(8) Weights {
    unsigned half[2];
};

DEVICE void load(unsigned (&weights)[2], const unsigned *matrix) {
    Weights read = ((const Weights *)matrix)[threadIdx.x & 31];
    weights[0] = read.half[0];
    weights[1] = read.half[1];
}

// Where 16 bytes of a pixel lie in a row in shared memory: turned so that 8 neighbouring pixels hit different banks.
DEVICE unsigned place(int pixel, int chunk) {
    return pixel * PIXEL + ((chunk ^ (F == 32 ? pixel >> 1 & 3 : pixel >> 2 & 1)) << 4);
}

// Where a lane's share of a pixel lies; 8 pixels on, 8 * PIXEL further.
DEVICE unsigned share_place(int pixel, int member) {
    int byte = member * (F / 2);
    return place(pixel, byte >> 4) + (byte & 15);
}

DEVICE Channels &channels_at(unsigned offset) { return *(Channels *)(shared + offset); }

// Starts copying ROWS rows of PIXELS pixels; row r of them goes to shared memory at slot(r).
template <int THREADS, int PIXELS, int ROWS, class Slot>
DEVICE void fetch(const half_bits *image, int top, int left, int width, int height, Slot slot) {
    UNROLL for (int first = 0; first < PIXELS * CHUNKS; first += THREADS) {
        int index = first + threadIdx.x;
        if (index >= PIXELS * CHUNKS) break;
        int x = left + index / CHUNKS;
        bool inside = x >= 0 && x < width;
        unsigned to = place(index / CHUNKS, index % CHUNKS);
        const half_bits *source = image + ((long long)top * width + left) * F + index * 8;
        UNROLL for (int row = 0; row < ROWS; row++) {
            copy(slot(row) + to, source, inside && (unsigned)(top + row) < (unsigned)height);
            source += width * F;
        }
    }
}

// Where a lane's row of the matrices for the taps at -1, 0 and 1 begins.
DEVICE void lane_places(unsigned (&at)[3], int first) {
    int lane = threadIdx.x & 31;
    UNROLL for (int dx = 0; dx < 3; dx++) at[dx] = place(first + (lane & 15) + dx, lane >> 4);
}

template <int N>
DEVICE void load_weights(unsigned (&weights)[9][STEPS][N][2], const unsigned *source, int all, int first) {
    UNROLL for (int tap = 0; tap < 9; tap++)
        UNROLL for (int k = 0; k < STEPS; k++)
            UNROLL for (int n = 0; n < N; n++)
                load(weights[tap][k][n], source + ((tap * STEPS + k) * all + first + n) * 64);
}

// Adds what one input row gives to the output rows below it, beside it and above it: sums of `phase` + 1, + 0 and - 1.
DEVICE void convolve(float (&sums)[3][COLUMNS][4], const unsigned (&weights)[9][STEPS][COLUMNS][2], unsigned row,
                     const unsigned (&at)[3], int phase) {
    unsigned a[2][4];
    load_matrices(a[0], row + at[0]);
    UNROLL for (int i = 0; i < 3 * STEPS; i++) {
        int dx = i / STEPS, k = i % STEPS;
        if (i + 1 < 3 * STEPS) load_matrices(a[(i + 1) & 1], row + (at[(i + 1) / STEPS] ^ ((i + 1) % STEPS << 5)));
        UNROLL for (int dy = 0; dy < 3; dy++)
            UNROLL for (int n = 0; n < COLUMNS; n++)
                multiply(sums[(phase + 4 - dy) % 3][n], a[i & 1], weights[dy * 3 + dx][k][n]);
    }
}

DEVICE void restart(float (&sums)[COLUMNS][4], const float *bias) {
    int member = threadIdx.x & 3;
    UNROLL for (int n = 0; n < COLUMNS; n++)
        UNROLL for (int i = 0; i < 4; i++) sums[n][i] = bias[n * 8 + member * 2 + (i & 1)];
}

// YUV 4:2:0, BT.709 limited range, chroma left-sited -> RGB -> the head convolution.
constexpr int HEAD_WIDTH = 64, HEAD_ROWS = 8, HEAD_PITCH = HEAD_WIDTH + 4;

DEVICE float chroma_row(const unsigned char *plane, int y, int x, int width, int height) {
    int k = y >> 1, other = y & 1 ? smaller(k + 1, height - 1) : (k > 0 ? k - 1 : 0);
    return 0.75f * plane[k * width + x] + 0.25f * plane[other * width + x];
}

DEVICE float chroma(const unsigned char *plane, int y, int x, int width, int height) {
    int k = x >> 1;
    float here = chroma_row(plane, y, k, width, height);
    if (x & 1) here = 0.5f * (here + chroma_row(plane, y, smaller(k + 1, width - 1), width, height));
    return (here - 128.0f) * (1.0f / 224.0f);
}

DEVICE float clamped(float value) { return value < 0.0f ? 0.0f : (value > 1.0f ? 1.0f : value); }

KERNEL(128, 4) head(const unsigned char *luma, const unsigned char *blue, const unsigned char *red, half_bits *out,
                    const unsigned *weights, const float *bias, int width, int height) {
    unsigned(*rgb)[HEAD_PITCH][2] = (unsigned(*)[HEAD_PITCH][2])shared;
    int left = blockIdx.x * HEAD_WIDTH, top = blockIdx.y * HEAD_ROWS;
    for (int index = threadIdx.x; index < (HEAD_ROWS + 2) * HEAD_PITCH; index += blockDim.x) {
        int row = index / HEAD_PITCH, column = index % HEAD_PITCH, y = top + row - 1, x = left + column - 1;
        unsigned low = 0, high = 0;
        if (y >= 0 && y < height && x >= 0 && x < width) {
            int w = (width + 1) / 2, h = (height + 1) / 2;
            float l = (luma[y * width + x] - 16.0f) * (1.0f / 219.0f);
            float cb = chroma(blue, y, x, w, h), cr = chroma(red, y, x, w, h);
            float r = l + 1.5748f * cr, b = l + 1.8556f * cb;
            float g = l - (1.8556f * 0.0722f / 0.7152f) * cb - (1.5748f * 0.2126f / 0.7152f) * cr;
            low = pack(clamped(r), clamped(g));
            high = pack(clamped(b), 0.0f);
        }
        rgb[row][column][0] = low;
        rgb[row][column][1] = high;
    }
    int lane = threadIdx.x & 31, group = lane >> 2, member = lane & 3, first = (threadIdx.x >> 5) * 16 + group;
    unsigned w[3][COLUMNS][2];
    UNROLL for (int dy = 0; dy < 3; dy++)
        UNROLL for (int n = 0; n < COLUMNS; n++) load(w[dy][n], weights + (dy * COLUMNS + n) * 64);
    synchronise();
    ROLLED for (int row = 0; row < HEAD_ROWS; row++) {
        float sums[COLUMNS][4];
        restart(sums, bias);
        UNROLL for (int dy = 0; dy < 3; dy++) {
            // A pixel and its next three, four halves each, are one row of the matrix.
            unsigned a[4];
            UNROLL for (int i = 0; i < 4; i++)
                a[i] = rgb[row + dy][first + (i & 1) * 8 + (i >> 1) * 2 + (member >> 1)][member & 1];
            UNROLL for (int n = 0; n < COLUMNS; n++) multiply(sums[n], a, w[dy][n]);
        }
        UNROLL for (int half = 0; half < 2; half++) {
            Channels values;
            UNROLL for (int n = 0; n < COLUMNS; n++) values.pair[n] = pack(sums[n][2 * half], sums[n][2 * half + 1]);
            int y = top + row, x = left + first + half * 8;
            if (y < height && x < width)
                *(Channels *)(out + ((long long)y * width + x) * F + member * (F / 4)) = values;
        }
    }
}

// A residual block: half the warps convolve what is read, the others what those have made, three rows later.
constexpr int BLOCK_WIDTH = 16 * BLOCK_TILES, BLOCK_PIXELS = BLOCK_WIDTH + 2, BLOCK_PITCH = BLOCK_PIXELS * PIXEL;
constexpr int BLOCK_MIDDLE = BLOCK_GROUPS * 3 * BLOCK_PITCH, BLOCK_BIAS = BLOCK_MIDDLE + 6 * BLOCK_PITCH;
constexpr bool KEPT = BLOCK_GROUPS >= 4; // the ring is long enough to add the input from

template <bool SECOND>
DEVICE void walk_block(const half_bits *in, half_bits *out, const unsigned *weights, const float *biases, int width,
                       int height, int left, int top, int bottom) {
    constexpr int threads = 64 * BLOCK_TILES;
    int lane = threadIdx.x & 31, group = lane >> 2, member = lane & 3;
    int first = ((threadIdx.x >> 5) - (SECOND ? BLOCK_TILES : 0)) * 16;

    // Row 0 of the input is top - 2, in the image and below in everything that counts rows.
    auto slot = [](int step) { return (unsigned)(step % BLOCK_GROUPS * 3 * BLOCK_PITCH); };
    auto fetch_rows = [&](int step) {
        unsigned to = slot(step);
        fetch<threads, BLOCK_PIXELS, 3>(in, top - 2 + step * 3, left - 2, width, height,
                                        [&](int row) { return to + row * BLOCK_PITCH; });
    };
    fetch_rows(0);
    unsigned w[9][STEPS][COLUMNS][2];
    load_weights(w, weights + (SECOND ? CONVOLUTION : 0), COLUMNS, 0);
    unsigned at[3];
    lane_places(at, first);
    biases += SECOND ? F : 0;
    synchronise();
    float sums[3][COLUMNS][4];
    UNROLL for (int i = 0; i < 3; i++) restart(sums[i], biases);

    int x = left + first + group - (SECOND ? 0 : 1), y = top - 3 - SECOND;
    bool inside[2];
    UNROLL for (int half = 0; half < 2; half++) {
        inside[half] = (unsigned)(x + half * 8) < (unsigned)width;
        if (SECOND) inside[half] = inside[half] && first + group + half * 8 < BLOCK_WIDTH - 2;
    }
    unsigned index = (y * width + x) * F + member * (F / 4);
    unsigned share = share_place(first + group + (SECOND ? 2 : 0), member);
    int steps = (bottom - top + 6) / 3 + 1;
    ROLLED for (int step = 0; step < steps; step++) {
        wait_for_copies();
        synchronise();
        if (step + 2 < steps) fetch_rows(step + 1);
        if (SECOND ? step == 0 : step + 1 == steps) continue;
        int own = step - SECOND;
        unsigned middle = BLOCK_MIDDLE + (own & 1) * 3 * BLOCK_PITCH;
        UNROLL for (int j = 0; j < 3; j++) {
            convolve(sums, w, (SECOND ? middle : slot(own)) + j * BLOCK_PITCH, at, j);
            constexpr int last[] = {2, 0, 1};
            float(&sum)[COLUMNS][4] = sums[last[j]];
            UNROLL for (int half = 0; half < 2; half++) {
                Channels values;
                if (!SECOND) {
                    bool kept = inside[half] && (unsigned)y < (unsigned)height;
                    UNROLL for (int n = 0; n < COLUMNS; n++) {
                        unsigned pair = pack_positive(sum[n][2 * half], sum[n][2 * half + 1]);
                        values.pair[n] = kept ? pair : 0;
                    }
                    channels_at(middle + j * BLOCK_PITCH + share + half * 8 * PIXEL) = values;
                } else {
                    bool kept = inside[half] && y >= top && y < bottom;
                    Channels before;
                    if (KEPT)
                        before = channels_at(slot(own + (j < 2) * (BLOCK_GROUPS - 1)) + (j + 1) % 3 * BLOCK_PITCH + share + half * 8 * PIXEL);
                    else if (kept)
                        before = *(const Channels *)(in + index + half * 8 * F);
                    UNROLL for (int n = 0; n < COLUMNS; n++)
                        values.pair[n] = add_pairs(pack(sum[n][2 * half], sum[n][2 * half + 1]), before.pair[n]);
                    if (kept) *(Channels *)(out + index + half * 8 * F) = values;
                }
            }
            restart(sum, biases);
            y++;
            index += width * F;
        }
    }
}

KERNEL(64 * BLOCK_TILES, F == 16 ? 2 : 1) block(const half_bits *in, half_bits *out, const unsigned *weights,
                                                const float *bias, int width, int height, int rows) {
    int left = blockIdx.x * (BLOCK_WIDTH - 2), top = blockIdx.y * rows, bottom = smaller(height, top + rows);
    float *biases = (float *)(shared + BLOCK_BIAS);
    for (int index = threadIdx.x; index < 2 * F; index += blockDim.x) biases[index] = bias[index];
    if (threadIdx.x < 32 * BLOCK_TILES)
        walk_block<false>(in, out, weights, biases, width, height, left, top, bottom);
    else
        walk_block<true>(in, out, weights, biases, width, height, left, top, bottom);
}

// One convolution, and another image added to it.
constexpr int FUSE_WIDTH = 16 * FUSE_TILES, FUSE_PIXELS = FUSE_WIDTH + 2, FUSE_PITCH = FUSE_PIXELS * PIXEL;
constexpr int FUSE_SKIP = 6 * FUSE_PITCH, FUSE_BIAS = 2 * FUSE_SKIP;

KERNEL(32 * FUSE_TILES, 2) fuse(const half_bits *in, const half_bits *skip, half_bits *out,
                                              const unsigned *weights, const float *bias, int width, int height, int rows) {
    int lane = threadIdx.x & 31, group = lane >> 2, member = lane & 3, first = (threadIdx.x >> 5) * 16;
    int left = blockIdx.x * FUSE_WIDTH, top = blockIdx.y * rows, bottom = smaller(height, top + rows);
    float *biases = (float *)(shared + FUSE_BIAS);
    for (int index = threadIdx.x; index < F; index += blockDim.x) biases[index] = bias[index];

    auto fetch_rows = [&](int step) {
        unsigned to = (step & 1) * 3 * FUSE_PITCH;
        fetch<32 * FUSE_TILES, FUSE_PIXELS, 3>(in, top - 1 + step * 3, left - 1, width, height,
                                               [&](int row) { return to + row * FUSE_PITCH; });
        fetch<32 * FUSE_TILES, FUSE_PIXELS, 3>(skip, top - 2 + step * 3, left - 1, width, height,
                                               [&](int row) { return FUSE_SKIP + to + row * FUSE_PITCH; });
    };
    fetch_rows(0);
    unsigned w[9][STEPS][COLUMNS][2];
    load_weights(w, weights, COLUMNS, 0);
    unsigned at[3];
    lane_places(at, first);
    synchronise();
    float sums[3][COLUMNS][4];
    UNROLL for (int i = 0; i < 3; i++) restart(sums[i], biases);

    int x = left + first + group, y = top - 2;
    unsigned index = (y * width + x) * F + member * (F / 4), share = FUSE_SKIP + share_place(first + group + 1, member);
    int steps = (bottom - top + 4) / 3;
    ROLLED for (int step = 0; step < steps; step++) {
        wait_for_copies();
        synchronise();
        if (step + 1 < steps) fetch_rows(step + 1);
        UNROLL for (int j = 0; j < 3; j++) {
            unsigned row = ((step & 1) * 3 + j) * FUSE_PITCH;
            convolve(sums, w, row, at, j);
            constexpr int last[] = {2, 0, 1};
            float(&sum)[COLUMNS][4] = sums[last[j]];
            UNROLL for (int half = 0; half < 2; half++) {
                Channels before = channels_at(row + share + half * 8 * PIXEL), values;
                UNROLL for (int n = 0; n < COLUMNS; n++)
                    values.pair[n] = add_pairs(pack(sum[n][2 * half], sum[n][2 * half + 1]), before.pair[n]);
                if (y >= top && y < bottom && x + half * 8 < width) *(Channels *)(out + index + half * 8 * F) = values;
            }
            restart(sum, biases);
            y++;
            index += width * F;
        }
    }
}

// Upsampling convolution, pixel shuffle, ReLU, the last convolution, and bytes: HR channels stay in shared memory.
// Two LR rows a step; the warps share the channels in the first half of it and the HR columns in the second.
constexpr int TAIL_WIDTH = 16 * TAIL_TILES, TAIL_PIXELS = TAIL_WIDTH + 2, TAIL_PITCH = TAIL_PIXELS * PIXEL;
constexpr int SHUFFLED = S * S * F / 8, TAIL_GROUPS = SHUFFLED / TAIL_COLUMNS, TAIL_WARPS = TAIL_GROUPS * TAIL_PARTS;
constexpr int HR_ROWS = 8, HR_NEW = 2 * S, HR_PITCH = (S * TAIL_WIDTH + 2) * PIXEL;
constexpr int TAIL_HR = 6 * TAIL_PITCH, TAIL_STAGE = TAIL_HR + HR_ROWS * HR_PITCH;
constexpr int STAGE_ROW = S * (TAIL_WIDTH - 2) * 3;

static_assert(CHUNKS * S % TAIL_COLUMNS == 0, "a warp's channels are to be of one HR row");
static_assert(TAIL_TILES % TAIL_PARTS == 0 && HR_NEW + 2 <= HR_ROWS, "tiling");

// Copies the staged rows to memory, every thread some columns of all.
template <class Unit>
DEVICE void write_rows(unsigned char *out, int from, int left, int width, int first, int end) {
    constexpr int size = (int)sizeof(Unit);
    UNROLL for (int begin = 0; begin < STAGE_ROW; begin += 32 * TAIL_WARPS * size) {
        int byte = begin + threadIdx.x * size;
        if (byte >= STAGE_ROW || left + byte >= width) break;
        unsigned char *target = out + (long long)from * width + left + byte;
        UNROLL for (int row = 0; row < HR_NEW; row++) {
            if (from + row >= first && from + row < end)
                *(Unit *)target = *(const Unit *)(shared + TAIL_STAGE + row * STAGE_ROW + byte);
            target += width;
        }
    }
}

KERNEL(32 * TAIL_WARPS, 1) tail(const half_bits *in, unsigned char *out, const unsigned *weights, const float *bias,
                                const unsigned *last_weights, const float *last_bias, int width, int height, int rows) {
    int warp = threadIdx.x >> 5, lane = threadIdx.x & 31, group = lane >> 2, member = lane & 3;
    int left = blockIdx.x * (TAIL_WIDTH - 2), top = blockIdx.y * rows, bottom = smaller(height, top + rows);
    int columns = warp % TAIL_GROUPS * TAIL_COLUMNS, part = warp / TAIL_GROUPS;

    // Row 0 of the input is top - 2; LR row 0 of what is made from it is top - 1.
    auto slot = [](int row) { return (unsigned)(row % 6 * TAIL_PITCH); };
    auto fetch_rows = [&](int first) {
        fetch<32 * TAIL_WARPS, TAIL_PIXELS, 2>(in, top - 2 + first, left - 2, width, height,
                                               [&](int row) { return slot(first) + row * TAIL_PITCH; });
    };
    fetch_rows(0);
    fetch_rows(2);
    unsigned w[9][STEPS][TAIL_COLUMNS][2];
    load_weights(w, weights, SHUFFLED, columns);
    unsigned at[3], to[TAIL_COLUMNS];
    lane_places(at, 0);
    UNROLL for (int n = 0; n < TAIL_COLUMNS; n++)
        to[n] = TAIL_HR + place(S * group + (columns + n) / CHUNKS % S + 1, (columns + n) % CHUNKS) + member * 4;

    auto write = [&](int step) {
        int from = S * (top - 1) + HR_NEW * step - 1, bytes = S * width * 3;
        if (bytes & 1)
            write_rows<unsigned char>(out, from, S * left * 3, bytes, S * top, S * bottom);
        else
            write_rows<unsigned short>(out, from, S * left * 3, bytes, S * top, S * bottom);
    };

    int steps = (bottom - top + 3) / 2;
    ROLLED for (int step = 0; step < steps; step++) {
        wait_for_copies();
        synchronise();
        if (step + 1 < steps) fetch_rows(2 * step + 4);
        if (step > 0) write(step - 1);
        ROLLED for (int m = 0; m < TAIL_TILES / TAIL_PARTS; m++) {
            int tile = part * (TAIL_TILES / TAIL_PARTS) + m;
            float sums[2][TAIL_COLUMNS][4];
            UNROLL for (int n = 0; n < TAIL_COLUMNS; n++)
                UNROLL for (int i = 0; i < 4; i++)
                    sums[0][n][i] = sums[1][n][i] = bias[(columns + n) * 8 + member * 2 + (i & 1)];
            UNROLL for (int row = 0; row < 4; row++) {
                unsigned source = slot(2 * step + row / 2 * 2) + tile * 16 * PIXEL + row % 2 * TAIL_PITCH;
                UNROLL for (int dx = 0; dx < 3; dx++)
                    UNROLL for (int k = 0; k < STEPS; k++) {
                        unsigned a[4];
                        load_matrices(a, source + (at[dx] ^ (k << 5)));
                        UNROLL for (int o = 0; o < 2; o++) {
                            if (row - o < 0 || row - o > 2) continue;
                            UNROLL for (int n = 0; n < TAIL_COLUMNS; n++)
                                multiply(sums[o][n], a, w[(row - o) * 3 + dx][k][n]);
                        }
                    }
            }
            UNROLL for (int o = 0; o < 2; o++) {
                int y = top - 1 + 2 * step + o;
                unsigned row = (S * (2 * step + o) + columns / (CHUNKS * S)) % HR_ROWS * HR_PITCH;
                UNROLL for (int half = 0; half < 2; half++) {
                    int pixel = tile * 16 + half * 8, x = left - 1 + pixel + group;
                    bool inside = y >= 0 && y < height && x >= 0 && x < width;
                    UNROLL for (int n = 0; n < TAIL_COLUMNS; n++) {
                        unsigned pair = pack_positive(sums[o][n][2 * half], sums[o][n][2 * half + 1]);
                        *(unsigned *)(shared + to[n] + row + S * pixel * PIXEL) = inside ? pair : 0;
                    }
                }
            }
        }
        synchronise();
        if (warp * 16 < S * TAIL_WIDTH) {
            float sums[HR_NEW][4];
            UNROLL for (int o = 0; o < HR_NEW; o++)
                UNROLL for (int i = 0; i < 4; i++) sums[o][i] = last_bias[member * 2 + (i & 1)];
            unsigned pairs[HR_ROWS / 2]; // the ring turns by whole pairs of rows
            UNROLL for (int i = 0; i < HR_ROWS / 2; i++)
                pairs[i] = TAIL_HR + (HR_NEW * step + 2 * i + HR_ROWS - 2) % HR_ROWS * HR_PITCH + warp * 16 * PIXEL;
            UNROLL for (int dx = 0; dx < 3; dx++) {
                unsigned v[3][STEPS][2];
                UNROLL for (int dy = 0; dy < 3; dy++)
                    UNROLL for (int k = 0; k < STEPS; k++)
                        load(v[dy][k], last_weights + ((dy * 3 + dx) * STEPS + k) * 64);
                UNROLL for (int row = 0; row < HR_NEW + 2; row++) {
                    UNROLL for (int k = 0; k < STEPS; k++) {
                        unsigned a[4];
                        load_matrices(a, pairs[row / 2] + (at[dx] ^ (k << 5)) + row % 2 * HR_PITCH);
                        UNROLL for (int dy = 0; dy < 3; dy++)
                            if (row - dy >= 0 && row - dy < HR_NEW) multiply(sums[row - dy], a, v[dy][k]);
                    }
                }
            }
            UNROLL for (int o = 0; o < HR_NEW; o++)
                UNROLL for (int i = 0; i < 4; i++) {
                    int color = member * 2 + (i & 1), pixel = warp * 16 + (i >> 1) * 8 + group - S;
                    if (color < 3 && pixel >= 0 && pixel < STAGE_ROW / 3)
                        shared[TAIL_STAGE + o * STAGE_ROW + pixel * 3 + color] = to_byte(sums[o][i]);
                }
        }
    }
    synchronise();
    write(steps - 1);
}
