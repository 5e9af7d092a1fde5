#include "kernels.hpp"

#define NS_RAY_ISA wasm
#include "kernels.inl"
