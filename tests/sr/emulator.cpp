// Runs the kernels on a CPU, thread by thread, as a GPU of warps of 32 would: every thread is a fiber, and what a warp
// or a block does together waits until all have come. Slow and exact; it tells right from wrong, not fast from slow.

#include <ucontext.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#define EMULATED
#define DEVICE static inline
#define KERNEL(threads, blocks) static void
#define UNROLL
#define ROLLED

typedef unsigned short half_bits;

namespace {

struct Index {
    int x, y;
};
Index threadIdx, blockIdx, blockDim;
unsigned char *shared;

struct Fiber {
    ucontext_t context;
    std::unique_ptr<char[]> stack;
    bool done;
};
constexpr size_t STACK = 128 * 1024;
constexpr unsigned char POISON = 0xff; // a NaN in every half and float

std::vector<Fiber> fibers;
ucontext_t scheduler;
void (*entry)(void **);
void **entry_arguments;

void yield() { swapcontext(&fibers[threadIdx.x].context, &scheduler); }

void run_fiber() {
    entry(entry_arguments);
    fibers[threadIdx.x].done = true;
    yield();
}

struct Meeting {
    int come = 0, turn = 0;
    void wait(int all) {
        int mine = turn;
        if (++come == all) {
            come = 0;
            turn++;
        }
        while (turn == mine) yield();
    }
};

struct Lane {
    unsigned offset;
    unsigned a[4], b[2];
};
struct Warp {
    Meeting meeting;
    Lane lanes[2][32]; // by turns, so that one meeting an operation is enough
};
std::vector<Warp> warps;
Meeting block_meeting;

Lane *meet(const Lane &own) {
    Warp &warp = warps[threadIdx.x / 32];
    Lane *lanes = warp.lanes[warp.meeting.turn & 1];
    lanes[threadIdx.x & 31] = own;
    warp.meeting.wait(32);
    return lanes;
}

float to_float(unsigned bits) {
    half_bits narrow = (half_bits)bits;
    _Float16 value;
    std::memcpy(&value, &narrow, 2);
    return (float)value;
}

unsigned to_half(float value) {
    _Float16 narrow = (_Float16)value;
    half_bits bits;
    std::memcpy(&bits, &narrow, 2);
    return bits;
}

void synchronise() { block_meeting.wait(blockDim.x); }

void load_matrices(unsigned (&a)[4], unsigned offset) {
    Lane *lanes = meet({offset, {}, {}});
    int lane = threadIdx.x & 31;
    for (int i = 0; i < 4; i++) std::memcpy(&a[i], shared + lanes[i * 8 + lane / 4].offset + lane % 4 * 4, 4);
}

void multiply(float (&c)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
    Lane own{0, {a[0], a[1], a[2], a[3]}, {b[0], b[1]}};
    Lane *lanes = meet(own);
    int lane = threadIdx.x & 31;
    for (int i = 0; i < 4; i++) {
        int row = lane / 4 * 4, column = (lane % 4 * 2 + i % 2) * 4;
        for (int k = 0; k < 16; k++) {
            int member = k % 8 / 2, shift = k % 2 * 16;
            c[i] += to_float(lanes[row + member].a[i / 2 + k / 8 * 2] >> shift) *
                    to_float(lanes[column + member].b[k / 8] >> shift);
        }
    }
}

unsigned pack(float low, float high) { return to_half(low) | to_half(high) << 16; }

unsigned pack_positive(float low, float high) { return pack(low > 0 ? low : 0, high > 0 ? high : 0); }

unsigned add_pairs(unsigned a, unsigned b) {
    return pack(to_float(a) + to_float(b), to_float(a >> 16) + to_float(b >> 16));
}

unsigned char to_byte(float value) {
    float whole = std::nearbyintf(value);
    return whole < 0 ? 0 : whole > 255 ? 255 : (unsigned char)whole;
}

void copy(unsigned offset, const void *source, bool inside) {
    if (inside)
        std::memcpy(shared + offset, source, 16);
    else
        std::memset(shared + offset, 0, 16);
}

void wait_for_copies() {}

#include "edsr.cu"

template <class... Types, size_t... Order>
void apply(void (*kernel)(Types...), void **arguments, std::index_sequence<Order...>) {
    kernel(*(Types *)arguments[Order]...);
}

template <auto kernel> struct Unpacked;
template <class... Types, void (*kernel)(Types...)> struct Unpacked<kernel> {
    static void call(void **arguments) { apply(kernel, arguments, std::index_sequence_for<Types...>()); }
};

} // namespace

// 0 done, 1 no such kernel.
extern "C" int launch(const char *name, int grid_x, int grid_y, int threads, int shared_bytes, void **arguments) {
    if (!std::strcmp(name, "head"))
        entry = Unpacked<&head>::call;
    else if (!std::strcmp(name, "block"))
        entry = Unpacked<&block>::call;
    else if (!std::strcmp(name, "fuse"))
        entry = Unpacked<&fuse>::call;
    else if (!std::strcmp(name, "tail"))
        entry = Unpacked<&tail>::call;
    else
        return 1;
    entry_arguments = arguments;
    std::unique_ptr<unsigned char[]> memory(new unsigned char[shared_bytes + 128]);
    shared = memory.get() + (128 - (size_t)memory.get() % 128);
    blockDim = {threads, 1};
    fibers.resize(threads);
    for (Fiber &fiber : fibers)
        if (!fiber.stack) fiber.stack.reset(new char[STACK]);
    for (blockIdx.y = 0; blockIdx.y < grid_y; blockIdx.y++)
        for (blockIdx.x = 0; blockIdx.x < grid_x; blockIdx.x++) {
            std::memset(shared, POISON, shared_bytes);
            warps.assign((threads + 31) / 32, Warp());
            block_meeting = Meeting();
            for (Fiber &fiber : fibers) {
                getcontext(&fiber.context);
                fiber.context.uc_stack.ss_sp = fiber.stack.get();
                fiber.context.uc_stack.ss_size = STACK;
                fiber.context.uc_link = nullptr;
                fiber.done = false;
                makecontext(&fiber.context, run_fiber, 0);
            }
            for (int left = threads; left > 0;) {
                left = 0;
                for (int i = 0; i < threads; i++) {
                    if (fibers[i].done) continue;
                    threadIdx = {i, 0};
                    swapcontext(&scheduler, &fibers[i].context);
                    left += !fibers[i].done;
                }
            }
        }
    return 0;
}
