#include "kernels.hpp"

#define NS_RAY_ISA avx2
#include "kernels.inl"
