// Instruction sets of the kernels, chosen at run time.
#pragma once

#include <string>
#include <vector>

namespace ufp
{

enum class Simd { baseline, avx2, avx512 };

const char *simd_name(Simd path) noexcept;
// Those compiled into this binary and offered by this processor, the fastest last; baseline is always there.
std::vector<Simd> simd_available();
// UFP_SIMD=baseline|avx2|avx512 in the environment, else the fastest one. Throws DomainError for a value that is
// unknown or not available here.
Simd simd_from_environment();
// The same for a name, where "auto" means the environment.
Simd simd_from_name(const std::string &name);

}  // namespace ufp
