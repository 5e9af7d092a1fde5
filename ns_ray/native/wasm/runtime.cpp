// What C++ rests on where there is no operating system: memory, a few functions of C, and exceptions, of which a throw is
// the processor's own instruction and a catch takes whatever comes. The rest is libc++'s own.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <cwchar>
#include <exception>
#include <new>
#include <typeinfo>

extern "C" unsigned char __heap_base;

namespace {

constexpr std::size_t kPage = 1 << 16, kAligned = 16;

// A piece of memory. Behind it lie `size` bytes; pieces that nobody uses are listed in order of their addresses.
struct alignas(kAligned) Piece {
  std::size_t size;
  Piece* next;

  unsigned char* begin() { return reinterpret_cast<unsigned char*>(this + 1); }
  unsigned char* end() { return begin() + size; }
};

Piece* unused = nullptr;

void put_back(Piece* piece) {
  Piece *before = nullptr, *after = unused;
  while (after && after < piece) before = after, after = after->next;
  piece->next = after;
  (before ? before->next : unused) = piece;
  const auto join = [](Piece* first) {
    Piece* second = first->next;
    if (!second || first->end() != reinterpret_cast<unsigned char*>(second)) return;
    first->size += sizeof(Piece) + second->size;
    first->next = second->next;
  };
  join(piece);
  if (before) join(before);
}

bool grow(std::size_t bytes) {
  static unsigned char* top = nullptr;
  const std::size_t pages = (bytes + sizeof(Piece) + 2 * kPage - 1) / kPage;
  const std::size_t before = __builtin_wasm_memory_grow(0, pages);
  if (before == static_cast<std::size_t>(-1)) return false;
  unsigned char* from = reinterpret_cast<unsigned char*>(before * kPage);
  unsigned char* const end = from + pages * kPage;
  if (!top) from = reinterpret_cast<unsigned char*>((reinterpret_cast<std::size_t>(&__heap_base) + kAligned - 1) / kAligned * kAligned);
  top = end;
  auto* piece = reinterpret_cast<Piece*>(from);
  piece->size = static_cast<std::size_t>(end - piece->begin());
  put_back(piece);
  return true;
}

void* take(std::size_t bytes) {
  if (bytes > SIZE_MAX / 2) return nullptr;
  bytes = bytes ? (bytes + kAligned - 1) / kAligned * kAligned : kAligned;
  for (;;) {
    Piece* before = nullptr;
    for (Piece* piece = unused; piece; before = piece, piece = piece->next) {
      if (piece->size < bytes) continue;
      Piece* rest = piece->next;
      if (piece->size > bytes + sizeof(Piece)) {
        auto* behind = reinterpret_cast<Piece*>(piece->begin() + bytes);
        behind->size = piece->size - bytes - sizeof(Piece);
        behind->next = piece->next;
        piece->size = bytes;
        rest = behind;
      }
      (before ? before->next : unused) = rest;
      return piece->begin();
    }
    if (!grow(bytes)) return nullptr;
  }
}

void give(void* memory) {
  if (memory) put_back(static_cast<Piece*>(memory) - 1);
}

// What is in flight; a page has one at a time, as none of the threads' tasks throws.
struct Thrown {
  void* (*destroy)(void*) = nullptr;  // destructors give what they are given, here
  void* object = nullptr;
  bool again = false;  // whether a catch throws it on
} thrown;

}  // namespace

void* operator new(std::size_t bytes) {
  if (void* memory = take(bytes)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t bytes) { return operator new(bytes); }
void operator delete(void* memory) noexcept { give(memory); }
void operator delete[](void* memory) noexcept { give(memory); }
void operator delete(void* memory, std::size_t) noexcept { give(memory); }
void operator delete[](void* memory, std::size_t) noexcept { give(memory); }

__asm__(".globl __cpp_exception\n.tagtype __cpp_exception i32\n__cpp_exception:\n");

extern "C" {

// What a compiled `catch` of one type leaves for the one who looks whether it is that; nobody does.
thread_local struct {
  std::uintptr_t index, table, selector;
} __wasm_lpad_context;

int _Unwind_CallPersonality(void*) { return __wasm_lpad_context.selector = 1, 0; }

void* __cxa_allocate_exception(std::size_t bytes) noexcept {
  void* memory = take(bytes);
  if (!memory) __builtin_trap();
  return memory;
}

void __cxa_free_exception(void* memory) noexcept { give(memory); }

void __cxa_throw(void* object, std::type_info*, void* (*destroy)(void*)) {
  thrown = {destroy, object};
  __builtin_wasm_throw(0, object);
}

void* __cxa_begin_catch(void* object) noexcept { return object; }

void __cxa_rethrow() {
  thrown.again = true;
  __builtin_wasm_throw(0, thrown.object);
}

void __cxa_end_catch() {
  if (thrown.again) {
    thrown.again = false;
    return;
  }
  if (thrown.destroy) thrown.destroy(thrown.object);
  give(thrown.object);
  thrown = {};
}

[[noreturn]] void __cxa_pure_virtual() { __builtin_trap(); }
_Noreturn void abort() { __builtin_trap(); }

int strcmp(const char* a, const char* b) {
  for (; *a && *a == *b; ++a, ++b) {
  }
  return static_cast<unsigned char>(*a) - static_cast<unsigned char>(*b);
}

char* strncpy(char* to, const char* from, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    to[i] = *from;
    if (*from) ++from;
  }
  return to;
}

std::size_t strlen(const char* text) {
  std::size_t length = 0;
  while (text[length]) ++length;
  return length;
}

int memcmp(const void* a, const void* b, std::size_t count) {
  const auto *one = static_cast<const unsigned char*>(a), *other = static_cast<const unsigned char*>(b);
  for (std::size_t i = 0; i < count; ++i)
    if (one[i] != other[i]) return one[i] - other[i];
  return 0;
}

void* memchr(const void* text, int what, std::size_t count) {
  const auto* at = static_cast<const unsigned char*>(text);
  for (; count; --count, ++at)
    if (*at == static_cast<unsigned char>(what)) return const_cast<unsigned char*>(at);
  return nullptr;
}

// libc++ looks for 32 bit numbers by it.
wchar_t* wmemchr(const wchar_t* text, wchar_t what, std::size_t count) {
  for (; count; --count, ++text)
    if (*text == what) return const_cast<wchar_t*>(text);
  return nullptr;
}

// Halves go away from 0.
long lround(double value) {
  const double whole = __builtin_trunc(value), rest = value - whole;
  return static_cast<long>(whole) + (rest >= 0.5) - (rest <= -0.5);
}

long lroundf(float value) { return lround(value); }

}  // extern "C"

void std::terminate() noexcept { __builtin_trap(); }
