// Entry point of the plugin: checks that this LAMMPS is the one it was built for, then registers the styles.
#include <cstdio>
#include <string>

#include "compute_efg_atom.h"
#include "library.h"
#include "lmptype.h"
#include "pair_ufp.h"
#include "plugin_abi.h"

using namespace LAMMPS_NS;

namespace
{

void *create_pair(void *lmp)
{
  return new PairUFP(static_cast<LAMMPS *>(lmp));
}

void *create_compute(void *lmp, int narg, char **arg)
{
  return new ComputeEFGAtom(static_cast<LAMMPS *>(lmp), narg, arg);
}

// Classes of another LAMMPS version or with other integer sizes have another layout; only the C interface is safe then.
std::string incompatibility(void *lmp)
{
  const int found = lammps_version(lmp);
  if (found != UFP_LAMMPS_VERSION_NUM)
    return "built for LAMMPS version " + std::to_string(UFP_LAMMPS_VERSION_NUM) + ", found version " +
           std::to_string(found);
  const auto differs = [lmp](const char *name, std::size_t size) {
    return lammps_extract_setting(lmp, name) != static_cast<int>(size);
  };
  if (differs("bigint", sizeof(bigint)) || differs("tagint", sizeof(tagint)) || differs("imageint", sizeof(imageint)))
    return "built for other integer sizes than those of this LAMMPS (smallbig, bigbig)";
  return "";
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void lammpsplugin_init(void *lmp, void *handle, void *registrar)
{
  const std::string reason = incompatibility(lmp);
  if (!reason.empty()) {
    if (lammps_extract_setting(lmp, "world_rank") == 0)
      std::fprintf(
          stderr,
          "WARNING: pair_style ufp and compute efg/atom are not available: the plugin was %s; rebuild it for this "
          "LAMMPS\n",
          reason.c_str());
    return;
  }
  const auto add = reinterpret_cast<plugin_register>(registrar);
  plugin_info plugin{};
  plugin.version = UFP_LAMMPS_VERSION;
  plugin.author = "the ufpnmr developers";
  plugin.handle = handle;
  plugin.style = "pair";
  plugin.name = "ufp";
  plugin.info = "ultra-fast two- and three-body spline potentials, ufpnmr " UFP_VERSION;
  plugin.creator.v1 = &create_pair;
  add(&plugin, lmp);
  plugin.style = "compute";
  plugin.name = "efg/atom";
  plugin.info = "electric field gradients of a .efg model, ufpnmr " UFP_VERSION;
  plugin.creator.v2 = &create_compute;
  add(&plugin, lmp);
}
