/**
 * moto's server, a simulation of AWS in Python (https://github.com/getmoto/moto, Apache-2.0): all in memory, no
 * signature checked. It keeps storage classes, and holds archived objects back until RestoreObject has been asked.
 */
import { makeTestFolder } from '../../support/test-folder.ts';
import { Daemons, freePorts, type ServerKind } from './server.ts';

export const moto: ServerKind = {
  name: 'moto',
  programs: ['moto_server', 'setpriv'],
  origin: "pip install 'moto[s3,server]'",
  classes: 'kept',
  isOnline: false,
  async start() {
    const daemons = new Daemons(makeTestFolder('moto'));
    const [port] = await freePorts(1);
    const endpoint = `http://127.0.0.1:${port}`;
    daemons.start(['moto_server', '-H', '127.0.0.1', '-p', String(port)]);
    try {
      await daemons.untilAnswered(endpoint);
    } catch (error) {
      await daemons.stop();
      throw error;
    }
    const environment = { AWS_ACCESS_KEY_ID: 'moto', AWS_SECRET_ACCESS_KEY: 'moto', AWS_REGION: 'us-east-1' };
    return { endpoint, environment, stop: () => daemons.stop() };
  },
};

/**
 * Has the server at that endpoint finish a restore only when it has been looked at so many times (by default it does at
 * once). Its state manager is described in moto's documentation, "State transitions".
 * @throws Error when it is no moto
 */
export async function setRestoreLooks(endpoint: string, looks: number): Promise<void> {
  const transition = { progression: 'manual', times: looks };
  const answer = await fetch(`${endpoint}/moto-api/state-manager/set-transition`, {
    method: 'POST',
    body: JSON.stringify({ model_name: 's3::keyrestore', transition }),
  });
  if (!answer.ok) throw new Error(`${endpoint} takes no transitions: ${answer.status} ${await answer.text()}`);
}
