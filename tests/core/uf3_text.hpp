// The worked example of the format: V2 = 0.01 (4-r)^3 on [1,4], V3 = 1e-6 (4-x)^3 (4-y)^3 (8-z)^3.
#pragma once

#include <string>

inline const std::string header = "#UF3 POT UNITS: metal DATE: 2025-01-01 AUTHOR: synthetic CITATION: none\n";

inline std::string tiny_pair()
{
  return header + "2B Li Li 0 3 uk\n4.0 8\n1.0 1.0 1.0 1.0 4.0 4.0 4.0 4.0\n4\n0.27 0.0 0.0 0.0\n#\n";
}

inline std::string tiny_triplet()
{
  std::string out = header + "3B Li Li Li 0 3 uk\n8.0 4.0 4.0 8 8 8\n"
                             "1.0 1.0 1.0 1.0 8.0 8.0 8.0 8.0\n"
                             "1.0 1.0 1.0 1.0 4.0 4.0 4.0 4.0\n"
                             "1.0 1.0 1.0 1.0 4.0 4.0 4.0 4.0\n"
                             "4 4 4\n0.250047 0.0 0.0 0.0\n";
  for (int i = 0; i < 15; ++i) out += "0.0 0.0 0.0 0.0\n";
  return out + "#\n";
}

inline std::string tiny()
{
  return tiny_pair() + tiny_triplet();
}

inline std::string replaced(std::string text, const std::string &from, const std::string &to)
{
  const auto at = text.find(from);
  return at == std::string::npos ? text : text.replace(at, from.size(), to);
}
