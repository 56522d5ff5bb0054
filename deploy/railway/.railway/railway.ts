// A service that migrates its database before each deployment, as Infrastructure as Code:
//
//     npm install railway
//     railway config plan
//     railway config apply
import { defineRailway, github, postgres, project, service } from "railway/iac";

// The types of the package railway 3.11 do not list this key of `deploy`. It is passed on as it is:
// look for it in the output of `railway config plan`.
const limits = { preDeployTimeoutSeconds: 1800 };

export default defineRailway(() => {
  const db = postgres("postgres");

  const shop = service("shop", {
    source: github("example/shop", { branch: "main" }),
    build: { builder: "DOCKERFILE", dockerfilePath: "Dockerfile" },
    deploy: {
      ...limits,
      preDeployCommand: ["migrator run"],
      startCommand: "python -m shop",
      healthcheckPath: "/health",
      healthcheckTimeout: 120,
      restartPolicyType: "ON_FAILURE",
      restartPolicyMaxRetries: 5,
    },
    env: {
      DATABASE_URL: db.env.DATABASE_URL,
      MIGRATOR_DEADLINE: "25m",
    },
  });

  return project("shop", { resources: [db, shop] });
});
