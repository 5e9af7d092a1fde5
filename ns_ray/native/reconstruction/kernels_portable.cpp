#include "kernels.hpp"

#define NS_RAY_ISA portable
#include "kernels.inl"
