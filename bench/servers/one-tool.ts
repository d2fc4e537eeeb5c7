import { benchFactory } from './factory.ts'

export default benchFactory(1, 'once')
