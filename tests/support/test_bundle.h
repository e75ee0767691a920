// A small bundle with a budget, a cap per user and an unlimited campaign, as text on disk.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>

namespace fulcrum::testing {

struct TestBundle {
  std::string durability = "process";
  std::string latency_budget = "1s";
  int slate_size_max = 3;
  int64_t day_budget = 40'000'000;  // of campaign `paid`, whose actions cost 1, 2 and 3 units
  int64_t total_budget = 1'000'000'000;
  int cap = 3;           // exposures of campaign `capped` per user and day
  std::string fallback;  // action id; empty: the neutral action
  std::string policy_salt = "test";
  int64_t log_segment_bytes = 64 << 20;
  std::string server_fields;  // more of the section `server`, such as "idempotency_window: 1s"
  std::string log_fields;     // of the section `log`, such as "decisions_retention: 1s"
  std::string listen = "127.0.0.1:0";
  bool reflection = true;
  std::string page_fields;  // more lines of the surface, indented by four, and more surfaces
};

// Writes a bundle with the campaigns `paid` (paid-1..3), `capped` (capped-1..3) and `free`
// (free-1..3) on the surface `page` into `directory`.
inline void WriteBundle(const std::string& directory, const TestBundle& options) {
  std::filesystem::create_directories(directory);
  std::ofstream file(directory + "/bundle.yaml");
  file << "server: {listen: '" << options.listen
       << "', metrics_listen: 127.0.0.1:0, data_dir: data, durability: " << options.durability
       << ", log_segment_bytes: " << options.log_segment_bytes
       << ", reflection: " << (options.reflection ? "true" : "false")
       << (options.server_fields.empty() ? "" : ", ") << options.server_fields << "}\n"
       << "log: {" << options.log_fields << "}\n"
       << "surfaces:\n  - id: page\n    campaigns: [paid, capped, free]\n    latency_budget: "
       << options.latency_budget << "\n    slate_size_max: " << options.slate_size_max
       << "\n    policy_salt: " << options.policy_salt << "\n    exploration_floor: 0.1\n";
  if (!options.fallback.empty()) file << "    fallback_action: " << options.fallback << "\n";
  file << options.page_fields << "campaigns:\n";
  for (const char* campaign : {"paid", "capped", "free"}) {
    file << "  - id: " << campaign << "\n    account: shop\n    currency: EUR\n"
         << "    time_zone: UTC\n    actions:\n";
    for (int i = 1; i <= 3; ++i) {
      file << "      - {id: " << campaign << "-" << i
           << ", cost_micros: " << (std::string(campaign) == "paid" ? i * 1'000'000 : 0)
           << ", categories: [" << campaign << ", c" << i << "]}\n";
    }
  }
  file << "constraints:\n"
       << "  - {id: paid-day, campaign: paid, resource: cost, window: day, limit: "
       << options.day_budget << "}\n"
       << "  - {id: paid-total, campaign: paid, resource: cost, window: total, limit: "
       << options.total_budget << "}\n"
       << "  - {id: capped-user, campaign: capped, resource: exposures, per: user, window: day, "
       << "limit: " << options.cap << "}\n"
       << "feature_views:\n  - name: user_profile\n    entity: user\n    features:\n"
       << "      - {name: level, type: text}\n"
       << "context_keys:\n  - {name: hour, type: number}\n  - {name: country, type: text}\n";
}

}  // namespace fulcrum::testing
