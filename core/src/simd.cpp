#include "ufp/simd.hpp"

#include <algorithm>
#include <cstdlib>

#include "ufp/error.hpp"

namespace ufp
{

const char *simd_name(Simd path) noexcept
{
  switch (path) {
  case Simd::avx2:
    return "avx2";
  case Simd::avx512:
    return "avx512";
  default:
    return "baseline";
  }
}

std::vector<Simd> simd_available()
{
  std::vector<Simd> out{Simd::baseline};
#if defined(UFP_X86_KERNELS)
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    out.push_back(Simd::avx2);
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      out.push_back(Simd::avx512);
  }
#endif
  return out;
}

Simd simd_from_name(const std::string &name)
{
  if (name == "auto") return simd_from_environment();
  std::string names;
  for (const Simd path : simd_available()) {
    if (name == simd_name(path)) return path;
    names += std::string(", ") + simd_name(path);
  }
  throw DomainError("expected one of auto" + names + ", the instruction sets available here, found " + name);
}

Simd simd_from_environment()
{
  const char *name = std::getenv("UFP_SIMD");
  if (!name || !*name || std::string(name) == "auto") return simd_available().back();
  return simd_from_name(name);
}

}  // namespace ufp
